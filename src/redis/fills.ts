import type { PurgeSelection } from '../middleware/response-cache/cache-store.js';

const mostKeys = 10_000;
const mostPurges = 256;
/** How long an entry may have been in the making of whose key nothing is known. */
const unknownMs = 10_000;

interface Purge {
  readonly selection: PurgeSelection;
  readonly elsewhere: boolean;
  readonly at: number;
}

/** What an entry is made of is not older than this. */
interface Begin {
  readonly at: number;
  /** Nothing was found then: what is kept next was begun then. */
  readonly missed: boolean;
  /** Nothing was found when Redis was asked the last time. */
  absent: boolean;
}

/**
 * Entries that are being made. What is purged anywhere meanwhile is made of what the purge was to end, and is not kept.
 * An entry that is made anew while the old one is served was begun after the old one was kept or found. Times are those
 * of `performance.now()`.
 */
export class Fills {
  readonly #begins = new Map<string, Begin>();
  readonly #purges: Purge[] = [];

  /** Nothing was found, or a lead was taken: an entry is being made. */
  start(key: string, now: number): void {
    const begin = this.#begins.get(key);
    if (begin?.missed) begin.absent = true;
    else this.#note(key, { at: now, missed: true, absent: true });
  }

  /** There is an entry: what is made from now on comes after it. */
  found(key: string, now: number): void {
    const begin = this.#begins.get(key);
    if (begin?.missed) begin.absent = false;
    else this.#note(key, { at: now, missed: false, absent: false });
  }

  /** Whether nothing was found when Redis was asked the last time. */
  wasAbsent(key: string): boolean {
    return this.#begins.get(key)?.absent === true;
  }

  /** What was begun came to something, which may be kept or not. */
  end(key: string, kept: boolean, now: number): void {
    this.#begins.delete(key);
    if (kept) this.found(key, now);
  }

  /** What was begun came to nothing, unless it has ended before. */
  giveUp(key: string): void {
    if (this.#begins.get(key)?.missed) this.#begins.delete(key);
  }

  /** Whether what was made may be kept. */
  mayKeep(key: string, tags: readonly string[], now: number): boolean {
    const begin = this.#begins.get(key);
    const since = begin?.at ?? now - unknownMs;
    // beyond what is remembered, it is taken for purged
    if (this.#purges.length === mostPurges && (this.#purges[0] as Purge).at >= since) return false;
    return !this.#purges.some(
      ({ selection, at, elsewhere }) =>
        at >= since && (elsewhere || begin?.missed) && selects(selection, key, tags),
    );
  }

  /** A purge; who purges in this process and then keeps an entry knows the order. */
  purge(selection: PurgeSelection, elsewhere: boolean, now: number): void {
    if (this.#purges.length === mostPurges) this.#purges.shift();
    this.#purges.push({ selection, elsewhere, at: now });
  }

  #note(key: string, begin: Begin): void {
    this.#begins.delete(key);
    this.#begins.set(key, begin);
    if (this.#begins.size <= mostKeys) return;
    const [oldest] = this.#begins.keys();
    this.#begins.delete(oldest as string);
  }
}

function selects(selection: PurgeSelection, key: string, tags: readonly string[]): boolean {
  if ('key' in selection) return selection.key === key;
  return 'prefix' in selection ? key.startsWith(selection.prefix) : tags.includes(selection.tag);
}
