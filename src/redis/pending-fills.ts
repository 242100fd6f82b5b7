import type { PurgeSelection } from '../middleware/response-cache/cache-store.js';
import { selects } from '../middleware/response-cache/purge-log.js';
import { BoundedMap } from '../support/bounded-map.js';

/** So many keys are remembered at least. */
const leastKeys = 10_000;
const maxPurges = 256;
/** For a key of which nothing is known: how long its entry may have been in the making. */
const unknownMs = 10_000;

interface Purge {
  readonly selection: PurgeSelection;
  readonly elsewhere: boolean;
  readonly at: number;
}

/** When an entry began to be made, at the latest. */
interface Start {
  readonly at: number;
  /** Nothing was found then: what is stored next was begun then. */
  readonly missed: boolean;
  /** Nothing was found when Redis was asked the last time. */
  absent: boolean;
}

/**
 * Entries that are being made. One that is purged anywhere meanwhile may hold what the purge was to remove, and is not
 * stored. One that is made anew while the old one is served was begun after the old one was stored or found. Times are those
 * of `performance.now()`.
 */
export class PendingFills {
  readonly #starts = new BoundedMap<Start>(leastKeys);
  readonly #purges: Purge[] = [];

  /** Nothing was found, or the lease was taken: an entry is being made. */
  start(key: string, now: number): void {
    const start = this.#starts.get(key);
    if (start?.missed) start.absent = true;
    else this.#starts.set(key, { at: now, missed: true, absent: true });
  }

  /** There is an entry: what is made from now on comes after it. */
  found(key: string, now: number): void {
    const start = this.#starts.get(key);
    if (start?.missed) start.absent = false;
    else this.#starts.set(key, { at: now, missed: false, absent: false });
  }

  /** Whether nothing was found when Redis was asked the last time. */
  wasAbsent(key: string): boolean {
    return this.#starts.get(key)?.absent === true;
  }

  /** The entry is there, and was `stored` or not. */
  end(key: string, stored: boolean, now: number): void {
    this.#starts.delete(key);
    if (stored) this.found(key, now);
  }

  /** Nothing was made, unless the entry was there before. */
  abandon(key: string): void {
    if (this.#starts.get(key)?.missed) this.#starts.delete(key);
  }

  /** Whether the entry that was made may be stored. */
  mayStore(key: string, tags: readonly string[], now: number): boolean {
    const start = this.#starts.get(key);
    const since = start?.at ?? now - unknownMs;
    // beyond what is remembered, it is taken for purged
    if (this.#purges.length === maxPurges && (this.#purges[0] as Purge).at >= since) return false;
    return !this.#purges.some(
      ({ selection, at, elsewhere }) =>
        at >= since && (elsewhere || start?.missed) && selects(selection, key, tags),
    );
  }

  /** A purge, in this process or `elsewhere`: who purges in this process and then stores an entry knows the order. */
  purge(selection: PurgeSelection, elsewhere: boolean, now: number): void {
    if (this.#purges.length === maxPurges) this.#purges.shift();
    this.#purges.push({ selection, elsewhere, at: now });
  }
}
