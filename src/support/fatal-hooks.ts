import { processWide } from './process-wide.js';
import { fatalHooksKey } from './symbols.js';

/** Functions that are called with an uncaught error when the process begins to drain because of it. */
export const fatalHooks = processWide(fatalHooksKey, () => new Set<(error: unknown) => void>());
