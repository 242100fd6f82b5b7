import type { CacheEntry } from '../../../src/middleware/response-cache/cache-store.js';
import { memoryStore } from '../../../src/middleware/response-cache/memory-store.js';
import { PendingPurges } from '../../../src/middleware/response-cache/pending-purges.js';
import { SplitMap } from '../../../src/middleware/response-cache/split-map.js';

const entryOf = (bytes: number, ...tags: string[]): CacheEntry => ({
  head: {},
  body: Buffer.alloc(bytes),
  expiresAt: Date.now() + 3_600_000,
  tags,
});

describe('a purge of a store with many entries', () => {
  beforeEach(() => void jest.useFakeTimers());
  afterEach(() => void jest.useRealTimers());

  it.each([{ prefix: '/b' }, { tag: 'b' }])(
    '%p has its effect immediately, also on arbitrary prefixes',
    (selection) => {
      const store = memoryStore();
      for (let n = 0; n < 3000; n++) {
        store.set(`/a/b/${n}`, entryOf(1, 'a'));
        store.set(`/b${n}`, entryOf(1, 'b', 'all'));
      }
      expect(store.purge(selection)).toEqual({ reach: 'process' });
      expect([store.get('/a/b/7'), store.get('/b7'), store.get('/b8')]).toEqual([
        expect.anything(),
        undefined,
        undefined,
      ]);
      const again = entryOf(1, 'b');
      store.set('/b7', again);
      store.set('/b9', again);
      jest.advanceTimersByTime(60_000);
      expect([store.get('/b7'), store.get('/b8'), store.get('/b9')]).toEqual([again, undefined, again]);
      expect(store.get('/a/b/2999')).toBeDefined();
      store.close?.();
    },
  );

  it('gives its memory back, also after a purge during the removal', () => {
    const store = memoryStore({ maxBytes: 12_000_000 });
    for (let n = 0; n < 2000; n++) store.set(`/old/${n}`, entryOf(1000));
    for (let n = 0; n < 2000; n++) store.set(`/one/${n}`, entryOf(1000));
    for (let n = 0; n < 2000; n++) store.set(`/two/${n}`, entryOf(1000));
    store.purge({ prefix: '/one/' });
    jest.advanceTimersByTime(5);
    store.purge({ prefix: '/two/' });
    jest.advanceTimersByTime(60_000);
    // without the memory of the purged entries, these would replace the oldest ones
    for (let n = 0; n < 4000; n++) store.set(`/new/${n}`, entryOf(1000));
    for (let n = 0; n < 2000; n++) expect(store.get(`/old/${n}`)).toBeDefined();
    store.close?.();
  });
});

it('purges are recorded until their entries are removed', () => {
  const purges = new PendingPurges();
  purges.add({ prefix: '/a' });
  purges.add({ prefix: '/a/b' });
  purges.add({ tag: 't' });
  expect(purges.selects('/a/b/c', [], 0)).toBe(true);
  expect(purges.selects('/a/c', [], 1)).toBe(false);
  expect(purges.selects('/a/b/c', [], 1)).toBe(true);
  expect(purges.selects('/c', ['t'], 2)).toBe(true);
  expect(purges.selects('/c', ['t'], 3)).toBe(false);
  purges.add({ prefix: '/a' });
  purges.forget(3);
  expect(purges.isEmpty).toBe(false);
  expect(purges.selects('/a', [], 3)).toBe(true);
  purges.forget(4);
  expect(purges.isEmpty).toBe(true);
});

it('a map of smaller maps finds, counts and removes every key', () => {
  const map = new SplitMap<number>();
  const keys = Array.from(
    { length: 5000 },
    (_, n) => `/products/${n} https://shop.example ${'x'.repeat(n % 200)}`,
  );
  for (const [n, key] of keys.entries()) map.set(key, n);
  map.set(keys[7] as string, -7);
  expect(map.size).toBe(5000);
  expect(map.get(keys[7] as string)).toBe(-7);
  expect([...map.values()].sort((a, b) => a - b).slice(0, 3)).toEqual([-7, 0, 1]);
  map.delete(keys[8] as string);
  map.delete('none');
  expect(map.get(keys[8] as string)).toBeUndefined();
  expect(map.size).toBe(4999);
  map.clear();
  expect([map.size, map.get(keys[9] as string)]).toEqual([0, undefined]);
});
