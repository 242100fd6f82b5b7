import { processWide } from './process-wide.js';

/** Hear of an error that nothing caught when the process begins to drain because of it. */
export const fatalHooks = processWide('fatal-hooks', () => new Set<(error: unknown) => void>());
