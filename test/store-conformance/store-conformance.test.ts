import { AssertionError } from 'node:assert';
import type {
  CacheEntry,
  CacheStore,
  PurgeSelection,
} from '../../src/middleware/response-cache/cache-store.js';
import { memoryStore } from '../../src/middleware/response-cache/memory-store.js';
import { sharedStoreConformance, storeConformance } from '../../src/store-conformance/index.js';

// some cases wait for limits of seconds
describe('memoryStore', () => {
  it.each(storeConformance)('$name', async ({ run }) => {
    await run(memoryStore());
  });
});

/** A store that does all that is asked of it, to break in one place. */
function plainStore(entries = new Map<string, CacheEntry>(), leases = new Map<string, Promise<void>>()) {
  const selects = (selection: PurgeSelection, key: string, { tags }: CacheEntry): boolean => {
    if ('key' in selection) return key === selection.key;
    return 'prefix' in selection ? key.startsWith(selection.prefix) : tags.includes(selection.tag);
  };
  return {
    get(key: string): CacheEntry | undefined {
      const entry = entries.get(key);
      return entry && entry.expiresAt > Date.now() ? entry : undefined;
    },
    set: (key: string, entry: CacheEntry): void => void entries.set(key, entry),
    purge(selection: PurgeSelection) {
      const selected = [...entries].filter(([key, entry]) => selects(selection, key, entry));
      for (const [key] of selected) entries.delete(key);
      return { removed: selected.length, reach: 'all' as const };
    },
    async lease(key: string, limitMs: number): Promise<(() => void) | undefined> {
      const held = leases.get(key);
      if (held) {
        let timer: NodeJS.Timeout | undefined;
        const limit = new Promise<void>((resolve) => {
          timer = setTimeout(resolve, limitMs);
        });
        await Promise.race([held, limit]);
        clearTimeout(timer);
        return undefined;
      }
      let end = () => {};
      const over = new Promise<void>((resolve) => {
        const timer = setTimeout(() => end(), limitMs);
        end = () => {
          clearTimeout(timer);
          if (leases.get(key) === over) leases.delete(key);
          resolve();
        };
      });
      leases.set(key, over);
      return () => end();
    },
  } satisfies CacheStore;
}

const broken: Record<string, (store: ReturnType<typeof plainStore>) => Partial<CacheStore>> = {
  'returns undefined for a key without an entry': () => ({
    get: () => ({ head: {}, body: Buffer.of(), expiresAt: 9e15, tags: [] }),
  }),
  'returns head, body, expiry and tags unchanged': ({ set }) => ({
    set: (key, entry) => set(key, { ...entry, head: { ...entry.head, etag: undefined } }),
  }),
  'stores a body byte for byte': ({ set }) => ({
    set: (key, entry) => set(key, { ...entry, body: Buffer.from(entry.body.toString()) }),
  }),
  'stores a body of 256 KiB': ({ set }) => ({
    set: (key, entry) => (entry.body.length < 100_000 ? set(key, entry) : undefined),
  }),
  'replaces an entry': ({ get, set }) => ({
    set: (key, entry) => (get(key) ? undefined : set(key, entry)),
  }),
  'distinguishes keys by every character': ({ get, set }) => ({
    get: (key) => get(key.toLowerCase()),
    set: (key, entry) => set(key.toLowerCase(), entry),
  }),
  'returns no entry that has expired': ({ set }) => ({
    set: (key, entry) => set(key, { ...entry, expiresAt: entry.expiresAt + 1000 }),
  }),
  'stores and returns many entries at the same time': ({ set }) => {
    let busy = false;
    return {
      async set(key, entry) {
        if (busy) return;
        busy = true;
        await null;
        set(key, entry);
        busy = false;
      },
    };
  },
  'does not throw after it was closed, even twice': () => {
    let closed = false;
    return {
      close() {
        if (closed) throw new Error('closed');
        closed = true;
      },
    };
  },
  'purges one key and no other': ({ purge }) => ({
    purge: (selection) => purge('key' in selection ? { prefix: selection.key } : selection),
  }),
  'purges all keys with a prefix, and no other': ({ purge }) => ({
    purge: (selection) =>
      purge('prefix' in selection ? { prefix: selection.prefix.replace(/\[.*/, '') } : selection),
  }),
  'reads a prefix with a backslash, a caret or a hyphen literally': ({ purge }) => ({
    purge: (selection) =>
      purge('prefix' in selection ? { prefix: selection.prefix.replace('\\', '') } : selection),
  }),
  'purges thousands of keys by prefix': ({ purge, get, set }) => ({
    purge(selection) {
      const last = get('many/2499');
      const report = purge(selection);
      if (last) set('many/2499', last);
      return report;
    },
  }),
  'purges everything by the empty prefix': ({ purge }) => ({
    purge: (selection) =>
      'prefix' in selection && selection.prefix === '' ? { reach: 'all' } : purge(selection),
  }),
  'purges all entries with a tag, and no other': ({ purge }) => ({
    purge: (selection) => purge('tag' in selection ? { prefix: '' } : selection),
  }),
  'stores entries with a tag that was purged before': ({ purge, set }) => {
    const purged = new Set<string>();
    return {
      purge(selection) {
        if ('tag' in selection) purged.add(selection.tag);
        return purge(selection);
      },
      set: (key, entry) => (entry.tags.some((tag) => purged.has(tag)) ? undefined : set(key, entry)),
    };
  },
  'uses the tags of the current entry, not of the one it replaced': ({ purge, set }) => {
    const tagged = new Map<string, string>();
    return {
      set(key, entry) {
        for (const tag of entry.tags) tagged.set(tag, key);
        set(key, entry);
      },
      purge: (selection) => purge('tag' in selection ? { key: tagged.get(selection.tag) ?? '' } : selection),
    };
  },
  'does not throw when nothing matches a purge': ({ purge }) => ({
    purge: (selection) => ({ ...purge(selection), removed: 1 }),
  }),
};

describe('the cases', () => {
  it.each(storeConformance)('pass for a correct store: $name', async ({ run }) => {
    await run(plainStore());
  });

  it.each(storeConformance)('fail for an incorrect store: $name', async ({ name, run }) => {
    const store = plainStore();
    await expect(run({ ...store, ...broken[name]?.(store) })).rejects.toThrow(
      name.startsWith('does not throw after') ? Error : AssertionError,
    );
  });
});

const brokenPairs: Record<string, (one: ReturnType<typeof plainStore>) => Partial<CacheStore>> = {
  'one returns an entry that the other stored': () => plainStore(),
  'one returns an entry with which the other replaced its own, within a second': ({ get }) => {
    const near = new Map<string, CacheEntry>();
    return {
      get(key) {
        const found = near.get(key) ?? get(key);
        if (found) near.set(key, found);
        return found;
      },
      set: (key, entry) => void near.set(key, entry),
    };
  },
  'a purge that reaches all removes the entry of the other within a second': ({ purge }) => ({
    purge: (selection) => ({ ...purge(selection), reach: 'process' }),
  }),
  'one holds the lease, the other waits until it ends': () => ({ lease: async () => () => {} }),
  'a lease of one key does not affect other keys': ({ lease }) => ({
    lease: (_key, limitMs) => lease('', limitMs),
  }),
  'a lease that is not ended expires after its limit, and waiting calls resolve': ({ lease }) => ({
    lease: (key, limitMs) => lease(key, 15 * limitMs),
  }),
  'a call waits for its own limit at most': ({ lease }) => ({ lease: (key) => lease(key, 2500) }),
  'ending a lease late or twice does not end the next lease': () => {
    const held = new Set<string>();
    return {
      async lease(key, limitMs) {
        for (const limit = Date.now() + limitMs; held.has(key); await new Promise(setImmediate)) {
          if (Date.now() > limit) return undefined;
        }
        held.add(key);
        setTimeout(() => held.delete(key), limitMs).unref();
        return () => void held.delete(key);
      },
    };
  },
};

describe('the cases of two stores', () => {
  it.each(sharedStoreConformance)('pass for correct stores: $name', async ({ run }) => {
    const entries = new Map();
    const leases = new Map();
    await run(plainStore(entries, leases), plainStore(entries, leases));
  });

  it.each(sharedStoreConformance)('fail for incorrect stores: $name', async ({ name, run }) => {
    const store = plainStore();
    const one = { ...store, ...brokenPairs[name]?.(store) };
    const other = { ...store, ...brokenPairs[name]?.(store) };
    await expect(run(one, other)).rejects.toThrow(AssertionError);
  });

  it('may omit lease()', async () => {
    const { lease, ...store } = plainStore();
    for (const { run } of sharedStoreConformance) await run(store, store);
  });
});
