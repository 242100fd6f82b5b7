import { processWide } from './process-wide.js';
import { ownSyncWorkKey } from './symbols.js';

/**
 * The nesting depth of synchronous work that this library does on purpose and limits. The detector of synchronous calls
 * reports nothing while `depth` is above zero.
 */
export const ownSyncWork = processWide(ownSyncWorkKey, () => ({ depth: 0 }));

/** Runs limited synchronous work that the detector does not report. */
export function unobserved<Args extends unknown[], Result>(
  work: (...args: Args) => Result,
  ...args: Args
): Result {
  ownSyncWork.depth++;
  try {
    return work(...args);
  } finally {
    ownSyncWork.depth--;
  }
}
