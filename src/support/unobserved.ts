import { processWide } from './process-wide.js';
import { ownSyncWorkKey } from './symbols.js';

/**
 * How deep the process is in synchronous work that this library chose to do and has bounded. The detector of
 * synchronous calls reports nothing while `depth` is above zero.
 */
export const ownSyncWork = processWide(ownSyncWorkKey, () => ({ depth: 0 }));

/** Runs a bounded piece of synchronous work unseen by the detector. */
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
