import type { PurgeSelection } from './cache-store.js';

/** The number of purges that are recorded. After more purges during its handler, a response is treated as purged. */
const maxRecorded = 256;

/**
 * Records the last purges. A response whose handler started before a purge is not stored after it, because it may
 * contain outdated data.
 */
export class PurgeLog {
  #count = 0;
  readonly #last: PurgeSelection[] = [];

  get mark(): number {
    return this.#count;
  }

  add(selection: PurgeSelection): void {
    this.#last[this.#count % maxRecorded] = selection;
    this.#count += 1;
  }

  /** Whether a key or one of the tags was purged since `mark`. */
  purgedSince(mark: number, key: string, tags: readonly string[]): boolean {
    if (this.#count === mark) return false;
    if (this.#count - mark > maxRecorded) return true;
    for (let at = mark; at < this.#count; at++) {
      const selection = this.#last[at % maxRecorded] as PurgeSelection;
      if (selects(selection, key, tags)) return true;
    }
    return false;
  }
}

/** Whether a purge removes the entry of this key and these tags. */
export function selects(selection: PurgeSelection, key: string, tags: readonly string[]): boolean {
  if ('key' in selection) return selection.key === key;
  return 'prefix' in selection ? key.startsWith(selection.prefix) : tags.includes(selection.tag);
}
