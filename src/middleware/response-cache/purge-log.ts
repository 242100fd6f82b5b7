import type { PurgeSelection } from './cache-store.js';

/** Beyond so many purges while a response is made, it is taken for purged. */
const remembered = 256;

/**
 * Remembers the last purges, so that a response that was begun before one is not stored after it: it may hold what the
 * purge was to remove.
 */
export class PurgeLog {
  #count = 0;
  readonly #last: PurgeSelection[] = [];

  /** How many purges there were; to be compared with later. */
  get mark(): number {
    return this.#count;
  }

  add(selection: PurgeSelection): void {
    this.#last[this.#count % remembered] = selection;
    this.#count += 1;
  }

  /** Whether a key or one of the tags was purged since. */
  purgedSince(mark: number, key: string, tags: readonly string[]): boolean {
    if (this.#count === mark) return false;
    if (this.#count - mark > remembered) return true;
    for (let at = mark; at < this.#count; at++) {
      const selection = this.#last[at % remembered] as PurgeSelection;
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
