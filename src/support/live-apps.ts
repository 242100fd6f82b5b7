import type { Lifecycle } from './lifecycle.js';
import { processWide } from './process-wide.js';

/** The lifecycles of all apps of this process that were seen on a server. */
export const liveApps = processWide('live-apps', () => new Set<Lifecycle>());
