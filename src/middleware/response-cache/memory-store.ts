import { performance } from 'node:perf_hooks';
import { storeEncodings } from '../../support/encoding/stored-encodings.js';
import { checkOptions, isInteger } from '../../support/options.js';
import type { CacheEntry, CacheStore, PurgeReport, PurgeSelection } from './cache-store.js';
import { PendingPurges } from './pending-purges.js';
import { SplitMap } from './split-map.js';

/** Options of {@link memoryStore}. */
export interface MemoryStoreOptions {
  /** Bytes that the store may hold: bodies, their encodings, metadata and keys. @default 64 MiB */
  readonly maxBytes?: number;
}

interface Item {
  readonly key: string;
  readonly entry: CacheEntry;
  /** The number of the last purge before the entry was stored. */
  readonly storedAfter: number;
  bytes: number;
  older: Item | undefined;
  newer: Item | undefined;
}

// The approximate memory of the objects around an entry, in bytes.
const itemOverhead = 512;

/** A purge of a store with more entries returns before they are removed. */
const mostRemovedNow = 1000;
const sliceMs = 2;
/** The pause between two slices, so that a sweep takes a small share of the time of the event loop. */
const pauseMs = 10;

/**
 * A store for {@link responseCache} in the memory of this process. When it is full, the least recently used entries are
 * removed. The encodings that `compression` creates of a stored body are stored with it and included in `maxBytes`.
 *
 * @throws ProductionizeError when an option is wrong.
 * @example
 * productionize(app, { cache: { store: memoryStore({ maxBytes: 256 * 1024 * 1024 }) } })
 */
export function memoryStore(options?: MemoryStoreOptions): CacheStore {
  const { maxBytes = 64 * 1024 * 1024 } = checkOptions('memoryStore', options, {
    maxBytes: isInteger('bytes'),
  });
  return new MemoryStore(maxBytes);
}

class MemoryStore implements CacheStore {
  readonly #maxBytes: number;
  readonly #items = new SplitMap<Item>();
  readonly #purges = new PendingPurges();
  #sweep: NodeJS.Timeout | undefined;
  #bytes = 0;
  // A linked list in order of use is needed: the first key of a Map is slow to find after many deletions.
  #oldest: Item | undefined;
  #newest: Item | undefined;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  get(key: string): CacheEntry | undefined {
    const item = this.#items.get(key);
    if (item === undefined) return undefined;
    if (item.entry.expiresAt <= Date.now() || this.#isPurged(item)) {
      this.#remove(item);
      return undefined;
    }
    if (item !== this.#newest) {
      this.#unlink(item);
      this.#link(item);
    }
    return item.entry;
  }

  set(key: string, entry: CacheEntry): void {
    const before = this.#items.get(key);
    if (before !== undefined) this.#remove(before);
    const head = JSON.stringify([entry.head, entry.tags]).length;
    const bytes = entry.body.length + 2 * (head + key.length) + itemOverhead;
    if (bytes > this.#maxBytes) return;
    const storedAfter = this.#purges.last;
    const item: Item = { key, entry, storedAfter, bytes, older: undefined, newer: undefined };
    this.#items.set(key, item);
    this.#link(item);
    this.#grow(bytes);
    storeEncodings(entry.body, (more) => {
      if (this.#items.get(key) !== item) return;
      item.bytes += more;
      this.#grow(more);
    });
  }

  purge(selection: PurgeSelection): PurgeReport {
    const before = this.#items.size;
    if ('key' in selection) {
      const item = this.#items.get(selection.key);
      if (item !== undefined) this.#remove(item);
    } else {
      this.#purges.add(selection);
      if (before > mostRemovedNow) {
        this.#sweepLater();
        return { reach: 'process' };
      }
      this.#sweepUntil(Infinity, this.#items.values());
      this.#purges.forget(this.#purges.last);
    }
    return { removed: before - this.#items.size, reach: 'process' };
  }

  close(): void {
    clearTimeout(this.#sweep);
    this.#sweep = undefined;
    this.#items.clear();
    this.#bytes = 0;
    this.#oldest = undefined;
    this.#newest = undefined;
  }

  #isPurged({ key, entry, storedAfter }: Item): boolean {
    return this.#purges.selects(key, entry.tags, storedAfter);
  }

  /** Removes the purged entries in slices, which do not delay the event loop. Until then `get` does not return them. */
  #sweepLater(): void {
    if (this.#sweep !== undefined) return;
    const { last } = this.#purges;
    const items = this.#items.values();
    const slice = (): void => {
      if (!this.#sweepUntil(performance.now() + sliceMs, items)) {
        this.#sweep = setTimeout(slice, pauseMs).unref();
        return;
      }
      this.#sweep = undefined;
      this.#purges.forget(last);
      if (!this.#purges.isEmpty) this.#sweepLater();
    };
    this.#sweep = setTimeout(slice, pauseMs).unref();
  }

  /** Returns whether the end of the entries was reached in time. */
  #sweepUntil(limit: number, items: Iterator<Item>): boolean {
    for (let count = 1; ; count++) {
      const { value: item, done } = items.next();
      if (done) return true;
      if (this.#isPurged(item)) this.#remove(item);
      if (count % 32 === 0 && performance.now() >= limit) return false;
    }
  }

  #grow(bytes: number): void {
    this.#bytes += bytes;
    while (this.#bytes > this.#maxBytes && this.#oldest !== undefined) this.#remove(this.#oldest);
  }

  #remove(item: Item): void {
    this.#items.delete(item.key);
    this.#unlink(item);
    this.#bytes -= item.bytes;
  }

  #link(item: Item): void {
    item.older = this.#newest;
    item.newer = undefined;
    if (this.#newest) this.#newest.newer = item;
    else this.#oldest = item;
    this.#newest = item;
  }

  #unlink(item: Item): void {
    if (item.older) item.older.newer = item.newer;
    else this.#oldest = item.newer;
    if (item.newer) item.newer.older = item.older;
    else this.#newest = item.older;
  }
}
