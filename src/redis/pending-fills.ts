import type { PurgeSelection } from '../middleware/response-cache/cache-store.js';
import { selects } from '../middleware/response-cache/purge-log.js';
import { BoundedMap } from '../support/bounded-map.js';

/** The minimum number of keys that are recorded. */
const leastKeys = 10_000;
const maxPurges = 256;
/** The assumed duration of a handler whose start is not recorded. */
const unknownMs = 10_000;

interface Purge {
  readonly selection: PurgeSelection;
  readonly elsewhere: boolean;
  readonly at: number;
}

/** The latest possible start of the handler that produces an entry. */
interface Start {
  readonly at: number;
  /** Whether no entry was found at that time, so that the handler of the next entry started then. */
  readonly missed: boolean;
  /** Whether the last read of Redis found no entry. */
  absent: boolean;
}

/**
 * Records the starts of handlers and the purges. An entry that any process purges while its handler runs is not stored,
 * because it may contain outdated data. When an entry replaces another one, its handler started after the earlier entry
 * was stored or found. Times are those of `performance.now()`.
 */
export class PendingFills {
  readonly #starts = new BoundedMap<Start>(leastKeys);
  readonly #purges: Purge[] = [];

  /** Records that the handler starts, because no entry was found or the lease was acquired. */
  start(key: string, now: number): void {
    const start = this.#starts.get(key);
    if (start?.missed) start.absent = true;
    else this.#starts.set(key, { at: now, missed: true, absent: true });
  }

  /** Records that an entry was found. A handler that replaces the entry starts later. */
  found(key: string, now: number): void {
    const start = this.#starts.get(key);
    if (start?.missed) start.absent = false;
    else this.#starts.set(key, { at: now, missed: false, absent: false });
  }

  /** Whether the last read of Redis found no entry. */
  wasAbsent(key: string): boolean {
    return this.#starts.get(key)?.absent === true;
  }

  /** Records that the handler is done, and whether its entry is `stored`. */
  end(key: string, stored: boolean, now: number): void {
    this.#starts.delete(key);
    if (stored) this.found(key, now);
  }

  /** Records that the handler is done without an entry. */
  abandon(key: string): void {
    if (this.#starts.get(key)?.missed) this.#starts.delete(key);
  }

  /** Whether an entry was not purged while its handler ran. */
  mayStore(key: string, tags: readonly string[], now: number): boolean {
    const start = this.#starts.get(key);
    const since = start?.at ?? now - unknownMs;
    // When the purges since the start are not all recorded, the entry is treated as purged.
    if (this.#purges.length === maxPurges && (this.#purges[0] as Purge).at >= since) return false;
    return !this.#purges.some(
      ({ selection, at, elsewhere }) =>
        at >= since && (elsewhere || start?.missed) && selects(selection, key, tags),
    );
  }

  /**
   * Records a purge in this process or `elsewhere`. Code in this process that purges and then stores has determined the
   * order. Therefore a purge in this process has no effect on a later `set` without a recorded miss.
   */
  purge(selection: PurgeSelection, elsewhere: boolean, now: number): void {
    if (this.#purges.length === maxPurges) this.#purges.shift();
    this.#purges.push({ selection, elsewhere, at: now });
  }
}
