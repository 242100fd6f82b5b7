import assert from 'node:assert/strict';
import { setTimeout as delay } from 'node:timers/promises';
import { assertKept, assertNone, entryOf, type StoreCase } from './case.js';

export const entryCases: readonly StoreCase[] = [
  {
    name: 'finds nothing where nothing was kept',
    run: (store) => assertNone(store, 'nobody kept this'),
  },
  {
    name: 'gives back head, body, expiry and tags as they were',
    async run(store) {
      const entry = {
        ...entryOf('{"a":1}', ['product:1', 'größe', '']),
        head: { status: 404, etag: null, deep: { list: [1.5, true, 'ä"\\\u2028', {}] }, 'set-by': '' },
      };
      await store.set('head', entry);
      await assertKept(store, 'head', entry);
    },
  },
  {
    name: 'keeps a body byte for byte',
    async run(store) {
      const bytes = Buffer.from(Array.from({ length: 1024 }, (_, n) => (n * 7) % 256));
      for (const body of [bytes, Buffer.from('\r\n\0\r\n'), Buffer.from([0xff]), Buffer.alloc(0)]) {
        const entry = entryOf(body);
        await store.set('bytes', entry);
        await assertKept(store, 'bytes', entry);
      }
    },
  },
  {
    name: 'keeps a body of 256 KiB',
    async run(store) {
      const entry = entryOf(Buffer.alloc(256 * 1024, 'abc'));
      await store.set('large', entry);
      await assertKept(store, 'large', entry);
    },
  },
  {
    name: 'puts an entry in the place of the one before',
    async run(store) {
      await store.set('replaced', entryOf('before', ['old']));
      const entry = entryOf('after', ['new']);
      await store.set('replaced', entry);
      await assertKept(store, 'replaced', entry);
    },
  },
  {
    name: 'tells keys apart by every character',
    async run(store) {
      const long = 'k'.repeat(8192);
      const keys = [
        '/a',
        '/A',
        '/a/',
        '/a?',
        '/a*',
        '/[a]',
        '/a\\',
        '/a b',
        '/ä',
        '/a\n',
        '/{a}',
        `${long}1`,
        `${long}2`,
      ];
      const entries = keys.map((key) => [key, entryOf(`body of ${key.slice(-2)}`)] as const);
      for (const [key, entry] of entries) await store.set(key, entry);
      for (const [key, entry] of entries) await assertKept(store, key, entry);
      await assertNone(store, '/');
      await assertNone(store, '/[');
    },
  },
  {
    name: 'finds no entry that has expired',
    async run(store) {
      await store.set('past', { ...entryOf('past'), expiresAt: Date.now() - 1 });
      await assertNone(store, 'past');
      const expiresAt = Date.now() + 150;
      await store.set('short', { ...entryOf('short'), expiresAt });
      while (Date.now() <= expiresAt) await delay(expiresAt + 1 - Date.now());
      await assertNone(store, 'short');
    },
  },
  {
    name: 'keeps and finds many entries at once',
    async run(store) {
      const entries = Array.from({ length: 200 }, (_, n) => [`at once ${n}`, entryOf(`body ${n}`)] as const);
      await Promise.all(entries.map(([key, entry]) => store.set(key, entry)));
      await Promise.all(entries.map(([key, entry]) => assertKept(store, key, entry)));
    },
  },
  {
    name: 'throws nothing after it was closed, even twice',
    async run(store) {
      await store.set('closed', entryOf('closed', ['closed']));
      await store.close?.();
      await store.set('closed', entryOf('closed', ['closed']));
      await store.get('closed');
      await store.purge({ tag: 'closed' });
      assert.equal(typeof (await store.lease?.('closed', 100)), store.lease ? 'function' : 'undefined');
      await store.close?.();
    },
  },
];
