import assert from 'node:assert/strict';
import { setTimeout as delay } from 'node:timers/promises';
import type { CacheStore } from '../middleware/response-cache/cache-store.js';
import { withTimeLimit } from '../support/time-limit.js';
import { assertGoneSoon, assertKept, entryOf, purge, type SharedStoreCase } from './case.js';

const waiting = Symbol('waiting');

async function take(store: CacheStore, key: string, limitMs: number): Promise<() => void> {
  const end = await store.lease?.(key, limitMs);
  assert.equal(typeof end, 'function', `expected the lease of ${key}, got ${String(end)}`);
  return end as () => void;
}

/** Both stores are asked, so a store that leaves `lease` out passes. */
function ofLeases(name: string, run: SharedStoreCase['run']): SharedStoreCase {
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
    name: 'one finds what the other kept',
    async run(one, other) {
      const entry = entryOf(Buffer.from([0, 255, 10]), ['shared']);
      await one.set('shared', entry);
      await assertKept(other, 'shared', entry);
    },
  },
  {
    name: 'one finds what the other put in the place of its own within a second',
    async run(one, other) {
      await one.set('newer', entryOf('before'));
      const entry = entryOf('after');
      await other.set('newer', entry);
      for (const limit = Date.now() + 1000; Date.now() < limit; await delay(10)) {
        if ((await one.get('newer'))?.body.equals(entry.body)) break;
      }
      await assertKept(one, 'newer', entry);
    },
  },
  {
    name: 'a purge that reaches all is seen by the other within a second',
    async run(one, other) {
      for (const selection of [{ key: 'purged' }, { prefix: 'purg' }, { tag: 'purged' }]) {
        await one.set('purged', entryOf('goes', ['purged']));
        await other.get('purged');
        const { reach } = await purge(one, selection);
        assert.equal(reach, 'all', 'expected a store that is shared and at work to reach all');
        await assertGoneSoon(other, 'purged');
        await assertGoneSoon(one, 'purged');
      }
    },
  },
  ofLeases('one holds the lease, the other waits until it ends', async (one, other) => {
    const end = await take(one, 'leased', 5000);
    const other1 = Promise.resolve(other.lease?.('leased', 5000));
    assert.equal(await withTimeLimit(other1, 150, () => waiting), waiting, 'expected the other to wait');
    const entry = entryOf('leased');
    const kept = one.set('leased', entry);
    end();
    assert.equal(await other1, undefined);
    await assertKept(other, 'leased', entry);
    await kept;
    (await take(other, 'leased', 5000))();
  }),
  ofLeases('a lease of one key stands in the way of no other', async (one, other) => {
    const end = await take(one, 'leased: a', 5000);
    (await take(other, 'leased: b', 1000))();
    end();
  }),
  ofLeases(
    'a lease that nobody ends is over after its limit, and who waits is let go',
    async (one, other) => {
      await take(one, 'forgotten', 200);
      const startedAt = Date.now();
      assert.equal(await other.lease?.('forgotten', 3000), undefined);
      assert.ok(
        Date.now() - startedAt < 2000,
        `expected to wait about 200 ms, was ${Date.now() - startedAt}`,
      );
      (await take(other, 'forgotten', 5000))();
    },
  ),
  ofLeases('who waits does so for its own limit at most', async (one, other) => {
    const end = await take(one, 'slow', 5000);
    const startedAt = Date.now();
    assert.equal(await other.lease?.('slow', 200), undefined);
    assert.ok(Date.now() - startedAt < 2000, `expected to wait 200 ms, was ${Date.now() - startedAt}`);
    end();
  }),
  ofLeases('who ends a lease late or twice does not end that of its successor', async (one, other) => {
    const end = await take(one, 'late', 100);
    await other.lease?.('late', 3000);
    const endOther = await take(other, 'late', 5000);
    end();
    end();
    assert.equal(
      await withTimeLimit(Promise.resolve(one.lease?.('late', 5000)), 300, () => waiting),
      waiting,
    );
    endOther();
  }),
];
