import type { Lifecycle } from './lifecycle.js';
import { processWide } from './process-wide.js';
import { liveAppsKey } from './symbols.js';

/** The lifecycles of all apps of this process that were seen on a server. */
export const liveApps = processWide(liveAppsKey, () => new Set<Lifecycle>());
