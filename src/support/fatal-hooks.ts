import { processWide } from './process-wide.js';
import { fatalHooksKey } from './symbols.js';

/** Hear of an error that nothing caught when the process begins to drain because of it. */
export const fatalHooks = processWide(fatalHooksKey, () => new Set<(error: unknown) => void>());
