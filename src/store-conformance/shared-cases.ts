import assert from 'node:assert/strict';
import { setTimeout as delay } from 'node:timers/promises';
import type { CacheStore } from '../middleware/response-cache/cache-store.js';
import { withTimeLimit } from '../support/time-limit.js';
import { assertRemovedSoon, assertStored, entryOf, purge, type SharedStoreCase } from './case.js';

const waiting = Symbol('waiting');

async function acquire(store: CacheStore, key: string, limitMs: number): Promise<() => void> {
  const end = await store.lease?.(key, limitMs);
  assert.equal(typeof end, 'function', `expected the lease of ${key}, got ${String(end)}`);
  return end as () => void;
}

/** Creates a case that passes for stores without `lease`. */
function leaseCase(name: string, run: SharedStoreCase['run']): SharedStoreCase {
  return {
    name,
    async run(one, other) {
      assert.equal(typeof one.lease, typeof other.lease, 'expected both stores to have lease(), or none');
      if (one.lease) await run(one, other);
    },
  };
}

export const sharedCases: readonly SharedStoreCase[] = [
  {
    name: 'one returns an entry that the other stored',
    async run(one, other) {
      const entry = entryOf(Buffer.from([0, 255, 10]), ['shared']);
      await one.set('shared', entry);
      await assertStored(other, 'shared', entry);
    },
  },
  {
    name: 'one returns an entry with which the other replaced its own, within a second',
    async run(one, other) {
      await one.set('newer', entryOf('before'));
      const entry = entryOf('after');
      await other.set('newer', entry);
      for (const limit = Date.now() + 1000; Date.now() < limit; await delay(10)) {
        if ((await one.get('newer'))?.body.equals(entry.body)) break;
      }
      await assertStored(one, 'newer', entry);
    },
  },
  {
    name: 'a purge that reaches all removes the entry of the other within a second',
    async run(one, other) {
      for (const selection of [{ key: 'purged' }, { prefix: 'purg' }, { tag: 'purged' }]) {
        await one.set('purged', entryOf('purged', ['purged']));
        await other.get('purged');
        const { reach } = await purge(one, selection);
        assert.equal(reach, 'all', 'expected a shared store that is available to reach all');
        await assertRemovedSoon(other, 'purged');
        await assertRemovedSoon(one, 'purged');
      }
    },
  },
  leaseCase('one holds the lease, the other waits until it ends', async (one, other) => {
    const end = await acquire(one, 'leased', 5000);
    const pending = Promise.resolve(other.lease?.('leased', 5000));
    assert.equal(await withTimeLimit(pending, 150, () => waiting), waiting, 'expected the other to wait');
    const entry = entryOf('leased');
    const storing = one.set('leased', entry);
    end();
    assert.equal(await pending, undefined);
    await assertStored(other, 'leased', entry);
    await storing;
    (await acquire(other, 'leased', 5000))();
  }),
  leaseCase('a lease of one key does not affect other keys', async (one, other) => {
    const end = await acquire(one, 'leased: a', 5000);
    (await acquire(other, 'leased: b', 1000))();
    end();
  }),
  leaseCase(
    'a lease that is not ended expires after its limit, and waiting calls resolve',
    async (one, other) => {
      await acquire(one, 'not ended', 200);
      const startedAt = Date.now();
      assert.equal(await other.lease?.('not ended', 3000), undefined);
      assert.ok(
        Date.now() - startedAt < 2000,
        `expected to wait about 200 ms, was ${Date.now() - startedAt}`,
      );
      (await acquire(other, 'not ended', 5000))();
    },
  ),
  leaseCase('a call waits for its own limit at most', async (one, other) => {
    const end = await acquire(one, 'slow', 5000);
    const startedAt = Date.now();
    assert.equal(await other.lease?.('slow', 200), undefined);
    assert.ok(Date.now() - startedAt < 2000, `expected to wait 200 ms, was ${Date.now() - startedAt}`);
    end();
  }),
  leaseCase('ending a lease late or twice does not end the next lease', async (one, other) => {
    const end = await acquire(one, 'late', 100);
    await other.lease?.('late', 3000);
    const endOther = await acquire(other, 'late', 5000);
    end();
    end();
    assert.equal(
      await withTimeLimit(Promise.resolve(one.lease?.('late', 5000)), 300, () => waiting),
      waiting,
    );
    endOther();
  }),
];
