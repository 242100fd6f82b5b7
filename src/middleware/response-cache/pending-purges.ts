import type { PurgeSelection } from './cache-store.js';

/**
 * Purges by prefix and tag whose entries are still in memory. A purge is a number, and an entry has the number of the
 * last purge before it was stored. So a purge costs the same with one entry and with a million.
 */
export class PendingPurges {
  #last = 0;
  readonly #prefixes = new Map<string, number>();
  /** The last purge by a prefix of each length, so that a key is compared once per length and not once per prefix. */
  readonly #lengths = new Map<number, number>();
  readonly #tags = new Map<string, number>();

  /** The number of the last purge. */
  get last(): number {
    return this.#last;
  }

  get isEmpty(): boolean {
    return this.#lengths.size === 0 && this.#tags.size === 0;
  }

  add(selection: Exclude<PurgeSelection, { readonly key: string }>): void {
    this.#last += 1;
    if ('tag' in selection) append(this.#tags, selection.tag, this.#last);
    else {
      append(this.#prefixes, selection.prefix, this.#last);
      append(this.#lengths, selection.prefix.length, this.#last);
    }
  }

  /** Whether a purge after the number `since` selects the entry of this key and these tags. */
  selects(key: string, tags: readonly string[], since: number): boolean {
    if (since === this.#last) return false;
    for (const [length, last] of this.#lengths) {
      if (last > since && isAfter(this.#prefixes.get(key.slice(0, length)), since)) return true;
    }
    return this.#tags.size > 0 && tags.some((tag) => isAfter(this.#tags.get(tag), since));
  }

  /** Forgets the purges up to a number, because their entries have been removed. */
  forget(last: number): void {
    for (const purges of [this.#prefixes, this.#lengths, this.#tags] as Map<unknown, number>[]) {
      for (const [selected, purge] of purges) {
        if (purge > last) break;
        purges.delete(selected);
      }
    }
  }
}

/** Sets a value that becomes the last one of the map, so that the map is in the order of purges. */
function append<Key>(purges: Map<Key, number>, selected: Key, purge: number): void {
  purges.delete(selected);
  purges.set(selected, purge);
}

function isAfter(purge: number | undefined, since: number): boolean {
  return purge !== undefined && purge > since;
}
