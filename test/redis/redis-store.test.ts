import { createClient, createClientPool, createCluster, createSentinel } from 'redis';
import { createClient as createClient4, createCluster as createCluster4 } from 'redis4';
import type { CacheEntry } from '../../src/middleware/response-cache/cache-store.js';
import { memoryStore } from '../../src/middleware/response-cache/memory-store.js';
import { CircuitBreaker } from '../../src/redis/circuit-breaker.js';
import { decodeEntry, encodeEntry, tokenBytes } from '../../src/redis/entry-format.js';
import { type RedisStoreOptions, redisStore } from '../../src/redis/index.js';
import { PendingFills } from '../../src/redis/pending-fills.js';
import { decodeMessage } from '../../src/redis/store-messages.js';
import { loggerTo } from '../helpers/part-logger.js';

describe('options', () => {
  const client = createClient();
  const wrong: [given: unknown, message: RegExp][] = [
    [undefined, /expected `client` to be a client of the `redis` package, 4.5 or newer/],
    [{}, /expected `client` to be a client of the `redis` package/],
    [{ client: undefined }, /expected `client`/],
    [{ client: 'redis://localhost' }, /expected `client`.*got 'redis:\/\/localhost'/],
    [
      { client: { sendCommand() {}, isReady: true } },
      /of createClient, createClientPool, createCluster or createSentinel/,
    ],
    [
      { client: createCluster({ rootNodes: [{}] }), prefix: 'a{}' },
      /`prefix` to be a string without empty braces/,
    ],
    [
      { client: createCluster4({ rootNodes: [{}] }), prefix: '' },
      /`prefix` to be a string that is not empty/,
    ],
    [{ client, prefix: '' }, /`prefix` to be a string that is not empty/],
    [{ client, timeoutMs: 0 }, /`timeoutMs` to be a whole number of milliseconds, 1 or more/],
    [{ client, maxEntryBytes: 'much' }, /`maxEntryBytes` to be a whole number of bytes/],
    [{ client, local: true }, /`local` to be a CacheStore, or false/],
    [{ client, local: {} }, /`local` to be a CacheStore, or false/],
    [{ client, logger: () => {} }, /`logger` to be a logger with `info`, `warn` and `error`/],
    [{ client, timeout: 50 }, /unknown option 'timeout'/],
  ];

  it.each(wrong)('%p is refused', (given, message) => {
    expect(() => redisStore(given as RedisStoreOptions)).toThrow(message);
    expect(() => redisStore(given as RedisStoreOptions)).toThrow(
      expect.objectContaining({ code: 'ERR_PRODUCTIONIZE_OPTION' }),
    );
  });
});

const down = { host: '127.0.0.1', port: 1 };

describe.each<
  [name: string, create: (options: { url: string }) => RedisStoreOptions['client'], reason: RegExp]
>([
  ['redis 4', createClient4, /ECONNREFUSED/],
  ['redis 6', createClient, /ECONNREFUSED/],
  ['a cluster of redis 4', ({ url }) => createCluster4({ rootNodes: [{ url }] }), /root nodes/],
  ['a cluster of redis 6', ({ url }) => createCluster({ rootNodes: [{ url }] }), /root nodes/],
  ['a pool that is not connected', createClientPool, /not connected the pool/],
  [
    'sentinels that are not connected',
    () => createSentinel({ name: 'a', sentinelRootNodes: [down] }),
    /not connected/,
  ],
])('without a Redis, by %s', (_name, create, reason) => {
  it('no request waits, the local store serves, one line is logged, and close() ends it', async () => {
    const events: object[] = [];
    // a port at which nobody listens
    const client = create({ url: 'redis://127.0.0.1:1' });
    const local = memoryStore();
    const store = redisStore({ client, local, logger: loggerTo((fields) => events.push(fields)) });
    expect(store.up).toBe(false);
    expect(store.get('k')).toBeUndefined();
    expect(await store.ready()).toBe(false);
    const entry: CacheEntry = {
      head: {},
      body: Buffer.from('a'),
      expiresAt: Date.now() + 60_000,
      tags: ['t'],
    };
    await store.set('k', entry);
    expect(store.get('k')).toEqual(entry);
    expect((local.get('k') as CacheEntry).expiresAt).toBeLessThanOrEqual(Date.now() + 1000);
    expect(await store.lease('k', 1000)).toEqual(expect.any(Function));
    expect(await store.purge({ tag: 't' })).toEqual({ removed: 1, reach: 'process' });
    expect(store.get('k')).toBeUndefined();
    store.close();
    store.close();
    expect(events).toEqual([{ redis: 'down', reason: expect.stringMatching(reason) }]);
    expect(await store.ready()).toBe(false);
  });
});

describe('the format', () => {
  const token = Buffer.alloc(tokenBytes, 't');
  /** An entry as the script writes it. */
  function storedAs(entry: CacheEntry): Buffer {
    const count = Buffer.alloc(2);
    count.writeUInt16BE(entry.tags.length);
    const tags = entry.tags.flatMap((tag) => {
      const length = Buffer.alloc(2);
      length.writeUInt16BE(Buffer.byteLength(tag));
      return [token, length, Buffer.from(tag)];
    });
    return Buffer.concat([
      Buffer.from('EPC2'),
      Buffer.alloc(8),
      count,
      ...tags,
      encodeEntry(entry) as Buffer,
    ]);
  }
  const entry: CacheEntry = {
    head: { status: 200, 'x-ü': ['1', null] },
    body: Buffer.from([0, 13, 10, 255]),
    expiresAt: 2000,
    tags: ['a', 'größe'],
  };

  it('returns the stored entry until it expires', () => {
    expect(decodeEntry(storedAs(entry), 1999)).toEqual(entry);
    expect(decodeEntry(storedAs(entry), 2000)).toBeUndefined();
  });

  it('finds no entry in incomplete or foreign bytes, and never throws', () => {
    const value = storedAs(entry);
    for (let length = 0; length < value.length - entry.body.length; length++) {
      expect(decodeEntry(value.subarray(0, length), 0)).toBeUndefined();
    }
    for (const foreign of [
      undefined,
      null,
      1,
      'EPC2',
      [],
      Buffer.alloc(0),
      Buffer.alloc(1000),
      Buffer.alloc(1000, 255),
    ]) {
      expect(decodeEntry(foreign, 0)).toBeUndefined();
    }
    for (let round = 0; round < 20_000; round++) {
      const damaged = Buffer.from(value);
      for (let n = 0; n <= round % 3; n++) {
        damaged[Math.floor(Math.random() * damaged.length)] = Math.floor(Math.random() * 256);
      }
      const found = decodeEntry(damaged, 0);
      if (found === undefined) continue;
      expect(typeof found.head === 'object' && Buffer.isBuffer(found.body) && found.expiresAt > 0).toBe(true);
      expect(found.tags.every((tag) => typeof tag === 'string')).toBe(true);
    }
  });

  it.each([
    'null',
    '[]',
    '1',
    '{}',
    '{"head":[],"expiresAt":5}',
    '{"head":{},"expiresAt":"5"}',
    '{"head":null,"expiresAt":5}',
  ])('finds no entry where the head is %s', (json) => {
    const length = Buffer.alloc(4);
    length.writeUInt32BE(json.length);
    expect(
      decodeEntry(Buffer.concat([Buffer.from('EPC2'.padEnd(14, '\0')), length, Buffer.from(json)]), 0),
    ).toBeUndefined();
  });

  it('drops prototype keys', () => {
    const json = '{"head":{"__proto__":{"polluted":true},"ok":1},"expiresAt":5}';
    const length = Buffer.alloc(4);
    length.writeUInt32BE(json.length);
    const found = decodeEntry(
      Buffer.concat([Buffer.from('EPC2'.padEnd(14, '\0')), length, Buffer.from(json)]),
      0,
    );
    expect(Object.keys(found?.head ?? {})).toEqual(['ok']);
  });

  it('holds no more memory than the body', () => {
    const chunk = Buffer.alloc(64 * 1024);
    const value = storedAs(entry);
    value.copy(chunk, 100);
    const { body } = decodeEntry(chunk.subarray(100, 100 + value.length), 0) as CacheEntry;
    chunk.fill(0);
    expect(body).toEqual(entry.body);
  });

  it('refuses an entry with tags that exceed the limits', () => {
    expect(encodeEntry({ ...entry, tags: ['x'.repeat(65_536)] })).toBeUndefined();
    expect(encodeEntry({ ...entry, tags: Array(1001).fill('x') })).toBeUndefined();
  });

  it.each(['', '{', 'null', '[]', '1', '{"key":1}', '{"unknown":"a"}', '{"__proto__":{"key":"a"}}'])(
    'ignores the message %s',
    (text) => expect(decodeMessage(text)).toBeUndefined(),
  );
});

describe('the circuit', () => {
  function circuit() {
    const said: string[] = [];
    const made = new CircuitBreaker({
      onOpen: (reason) => said.push(reason),
      onClose: (openMs) => said.push(openMs === undefined ? 'first' : `after ${openMs}`),
    });
    return { made, said };
  }

  it('opens after 200 ms of failures alone, and not before', () => {
    const { made, said } = circuit();
    made.close(0);
    for (const at of [100, 200, 299]) made.failed('late', at);
    expect(made.closed).toBe(true);
    made.succeeded();
    made.failed('late', 301);
    expect(made.closed).toBe(true);
    made.failed('late', 501);
    made.failed('late', 502);
    expect(made.closed).toBe(false);
    expect(said).toEqual(['first', 'late']);
  });

  it('tolerates failures longer in a process that has just started', () => {
    const { made, said } = circuit();
    for (const at of [100, 600, 1099]) made.failed('late', at);
    expect(said).toEqual([]);
    made.failed('late', 1100);
    expect(said).toEqual(['late']);
    made.close(1200);
    expect(said).toEqual(['late', 'after 100']);
  });

  it('is probed after a pause, which grows while it opens again and again', () => {
    const { made } = circuit();
    made.close(0);
    const pauses: number[] = [];
    let at = 1000;
    for (let n = 0; n < 8; n++) {
      made.failed('late', at);
      at += 200;
      made.failed('late', at);
      const failedAt = at;
      while (!made.mayProbe(at)) at += 50;
      pauses.push(at - failedAt);
      made.close(at);
    }
    expect(pauses).toEqual([500, 1000, 2000, 4000, 8000, 10_000, 10_000, 10_000]);
  });

  it('is probed immediately when the connection is back', () => {
    const { made, said } = circuit();
    made.close(0);
    made.lost('gone', 100);
    made.lost('still gone', 150);
    expect(made.mayProbe(150)).toBe(true);
    made.close(400);
    expect(said).toEqual(['first', 'gone', 'after 300']);
  });
});

describe('an entry whose handler is running', () => {
  it('is not stored after a purge of its key, prefix or tag, once', () => {
    for (const selection of [{ key: '/a' }, { prefix: '/' }, { tag: 't' }]) {
      const fills = new PendingFills();
      fills.start('/a', 100);
      fills.purge(selection, false, 200);
      expect(fills.mayStore('/a', ['t'], 300)).toBe(false);
      fills.abandon('/a');
      fills.start('/a', 400);
      expect(fills.mayStore('/a', ['t'], 500)).toBe(true);
    }
  });

  it('is stored after a purge of something else', () => {
    const fills = new PendingFills();
    fills.start('/a', 100);
    for (const selection of [{ key: '/' }, { prefix: '/a/' }, { tag: 'T' }])
      fills.purge(selection, true, 200);
    expect(fills.mayStore('/a', ['t'], 300)).toBe(true);
  });

  it('is treated as purged after more purges than are recorded', () => {
    const fills = new PendingFills();
    fills.start('/a', 100);
    for (let n = 0; n < 256; n++) fills.purge({ key: `/${n}` }, true, 200);
    expect(fills.mayStore('/a', [], 300)).toBe(false);
    fills.end('/a', false, 300);
    fills.start('/a', 300);
    expect(fills.mayStore('/a', [], 400)).toBe(true);
  });

  it('is stored if its start is unknown, unless it was purged elsewhere in the last ten seconds', () => {
    const fills = new PendingFills();
    fills.purge({ key: '/here' }, false, 1000);
    fills.purge({ key: '/elsewhere' }, true, 1000);
    expect(fills.mayStore('/here', [], 1001)).toBe(true);
    expect(fills.mayStore('/elsewhere', [], 1001)).toBe(false);
    expect(fills.mayStore('/elsewhere', [], 11_001)).toBe(true);
  });

  it('is stored if its handler started after an entry was stored or found again', () => {
    const fills = new PendingFills();
    fills.purge({ key: '/kept' }, true, 1000);
    fills.purge({ key: '/found' }, true, 1000);
    fills.start('/kept', 1001);
    fills.end('/kept', true, 1002);
    fills.abandon('/kept');
    fills.found('/found', 1002);
    expect(fills.mayStore('/kept', [], 1003)).toBe(true);
    expect(fills.mayStore('/found', [], 1003)).toBe(true);
    fills.purge({ prefix: '/' }, true, 1004);
    expect(fills.mayStore('/kept', [], 60_000)).toBe(false);
    expect(fills.mayStore('/found', [], 60_000)).toBe(false);
  });

  it('started at the miss, even if an entry is found meanwhile', () => {
    const fills = new PendingFills();
    fills.start('/a', 1);
    fills.purge({ key: '/a' }, true, 2);
    fills.found('/a', 3);
    fills.start('/a', 3);
    expect(fills.mayStore('/a', [], 4)).toBe(false);
  });
});
