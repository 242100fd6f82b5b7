import { storeEncodings } from '../../support/encoding/stored-encodings.js';
import { checkOptions, isInteger } from '../../support/options.js';
import type { CacheEntry, CacheStore, PurgeReport, PurgeSelection } from './cache-store.js';

/** Options of {@link memoryStore}. */
export interface MemoryStoreOptions {
  /** Bytes that the store may hold: bodies, their encodings, metadata and keys. @default 64 MiB */
  readonly maxBytes?: number;
}

interface Item {
  readonly key: string;
  readonly entry: CacheEntry;
  bytes: number;
  older: Item | undefined;
  newer: Item | undefined;
}

// The approximate memory of the objects around an entry, in bytes.
const itemOverhead = 512;

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
  readonly #items = new Map<string, Item>();
  readonly #tagged = new Map<string, Set<Item>>();
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
    if (item.entry.expiresAt <= Date.now()) {
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
    const item: Item = { key, entry, bytes, older: undefined, newer: undefined };
    this.#items.set(key, item);
    for (const tag of entry.tags) {
      const tagged = this.#tagged.get(tag);
      if (tagged) tagged.add(item);
      else this.#tagged.set(tag, new Set([item]));
    }
    this.#link(item);
    this.#grow(bytes);
    storeEncodings(entry.body, (more) => {
      if (this.#items.get(key) !== item) return;
      item.bytes += more;
      this.#grow(more);
    });
  }

  purge(selection: PurgeSelection): PurgeReport {
    const selected = this.#select(selection);
    for (const item of selected) this.#remove(item);
    return { removed: selected.length, reach: 'process' };
  }

  close(): void {
    this.#items.clear();
    this.#tagged.clear();
    this.#bytes = 0;
    this.#oldest = undefined;
    this.#newest = undefined;
  }

  #select(selection: PurgeSelection): Item[] {
    if ('tag' in selection) return [...(this.#tagged.get(selection.tag) ?? [])];
    if ('prefix' in selection) {
      return [...this.#items.values()].filter(({ key }) => key.startsWith(selection.prefix));
    }
    const item = this.#items.get(selection.key);
    return item ? [item] : [];
  }

  #grow(bytes: number): void {
    this.#bytes += bytes;
    while (this.#bytes > this.#maxBytes && this.#oldest !== undefined) this.#remove(this.#oldest);
  }

  #remove(item: Item): void {
    this.#items.delete(item.key);
    this.#unlink(item);
    this.#bytes -= item.bytes;
    for (const tag of item.entry.tags) {
      const tagged = this.#tagged.get(tag);
      tagged?.delete(item);
      if (tagged?.size === 0) this.#tagged.delete(tag);
    }
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
