import assert from 'node:assert/strict';
import { assertNone, assertStored, entryOf, purge, type StoreCase } from './case.js';

export const purgeCases: readonly StoreCase[] = [
  {
    name: 'purges one key and no other',
    async run(store) {
      const entry = entryOf('not purged');
      await store.set('/one', entryOf('purged'));
      await store.set('/one/more', entry);
      const { removed } = await purge(store, { key: '/one' });
      assert.ok(removed === undefined || removed === 1, `expected 1 removed entry, got ${removed}`);
      await assertNone(store, '/one');
      await assertStored(store, '/one/more', entry);
    },
  },
  {
    name: 'purges all keys with a prefix, and no other',
    async run(store) {
      const entry = entryOf('not purged');
      const purged = ['/shop/[1]*?', '/shop/[1]*?a', '/shop/[1]*?/b'];
      const others = ['/shop/1', '/shop/[1]', '/shop/[1]xy', '/shop/[1]*', 'x/shop/[1]*?'];
      for (const key of [...purged, ...others]) await store.set(key, entry);
      await purge(store, { prefix: '/shop/[1]*?' });
      for (const key of purged) await assertNone(store, key);
      for (const key of others) await assertStored(store, key, entry);
    },
  },
  {
    name: 'reads a prefix with a backslash, a caret or a hyphen literally',
    async run(store) {
      const entry = entryOf('not purged');
      for (const special of ['\\', '^', '-', ']', '\n', 'ä']) {
        await store.set(`p${special}1`, entryOf('purged'));
        await store.set('p1', entry);
        await purge(store, { prefix: `p${special}` });
        await assertNone(store, `p${special}1`);
        await assertStored(store, 'p1', entry);
      }
    },
  },
  {
    name: 'purges thousands of keys by prefix',
    async run(store) {
      const keys = Array.from({ length: 2500 }, (_, n) => `many/${n}`);
      await Promise.all(keys.map((key) => store.set(key, entryOf('purged'))));
      await purge(store, { prefix: 'many/' });
      for (const key of keys) await assertNone(store, key);
    },
  },
  {
    name: 'purges everything by the empty prefix',
    async run(store) {
      for (const key of ['', 'a', '*']) await store.set(key, entryOf('purged'));
      await purge(store, { prefix: '' });
      for (const key of ['', 'a', '*']) await assertNone(store, key);
    },
  },
  {
    name: 'purges all entries with a tag, and no other',
    async run(store) {
      const tags = ['product:1', 'größe*', 'a b', '__proto__'];
      for (const tag of tags) {
        const entry = entryOf('not purged', ['product:2', 'product']);
        await store.set('first', entryOf('purged', ['other', tag]));
        await store.set('second', entryOf('purged', [tag]));
        await store.set('third', entry);
        await purge(store, { tag });
        await assertNone(store, 'first');
        await assertNone(store, 'second');
        await assertStored(store, 'third', entry);
      }
    },
  },
  {
    name: 'stores entries with a tag that was purged before',
    async run(store) {
      await store.set('again', entryOf('before', ['again']));
      await purge(store, { tag: 'again' });
      const entry = entryOf('after', ['again']);
      await store.set('again', entry);
      await assertStored(store, 'again', entry);
      await purge(store, { tag: 'again' });
      await assertNone(store, 'again');
    },
  },
  {
    name: 'uses the tags of the current entry, not of the one it replaced',
    async run(store) {
      await store.set('retagged', entryOf('before', ['before']));
      const entry = entryOf('after', ['after']);
      await store.set('retagged', entry);
      await purge(store, { tag: 'before' });
      await assertStored(store, 'retagged', entry);
    },
  },
  {
    name: 'does not throw when nothing matches a purge',
    async run(store) {
      for (const selection of [{ key: 'none' }, { prefix: 'none' }, { tag: 'none' }]) {
        const { removed } = await purge(store, selection);
        assert.ok(removed === undefined || removed === 0, `expected no removed entry, got ${removed}`);
      }
    },
  },
];
