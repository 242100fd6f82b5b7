import assert from 'node:assert/strict';
import { setTimeout as delay } from 'node:timers/promises';
import { assertNone, assertStored, entryOf, type StoreCase } from './case.js';

export const entryCases: readonly StoreCase[] = [
  {
    name: 'returns undefined for a key without an entry',
    run: (store) => assertNone(store, 'never stored'),
  },
  {
    name: 'returns head, body, expiry and tags unchanged',
    async run(store) {
      const entry = {
        ...entryOf('{"a":1}', ['product:1', 'größe', '']),
        head: { status: 404, etag: null, deep: { list: [1.5, true, 'ä"\\\u2028', {}] }, 'set-by': '' },
      };
      await store.set('head', entry);
      await assertStored(store, 'head', entry);
    },
  },
  {
    name: 'stores a body byte for byte',
    async run(store) {
      const bytes = Buffer.from(Array.from({ length: 1024 }, (_, n) => (n * 7) % 256));
      for (const body of [bytes, Buffer.from('\r\n\0\r\n'), Buffer.from([0xff]), Buffer.alloc(0)]) {
        const entry = entryOf(body);
        await store.set('bytes', entry);
        await assertStored(store, 'bytes', entry);
      }
    },
  },
  {
    name: 'stores a body of 256 KiB',
    async run(store) {
      const entry = entryOf(Buffer.alloc(256 * 1024, 'abc'));
      await store.set('large', entry);
      await assertStored(store, 'large', entry);
    },
  },
  {
    name: 'replaces an entry',
    async run(store) {
      await store.set('replaced', entryOf('before', ['old']));
      const entry = entryOf('after', ['new']);
      await store.set('replaced', entry);
      await assertStored(store, 'replaced', entry);
    },
  },
  {
    name: 'distinguishes keys by every character',
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
      for (const [key, entry] of entries) await assertStored(store, key, entry);
      await assertNone(store, '/');
      await assertNone(store, '/[');
    },
  },
  {
    name: 'returns no entry that has expired',
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
    name: 'stores and returns many entries at the same time',
    async run(store) {
      const entries = Array.from({ length: 200 }, (_, n) => [`many ${n}`, entryOf(`body ${n}`)] as const);
      await Promise.all(entries.map(([key, entry]) => store.set(key, entry)));
      await Promise.all(entries.map(([key, entry]) => assertStored(store, key, entry)));
    },
  },
  {
    name: 'does not throw after it was closed, even twice',
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
