import { readFileSync } from 'node:fs';
import path from 'node:path';
import { performance } from 'node:perf_hooks';
import { setTimeout as delay } from 'node:timers/promises';
import helmet from 'helmet';
import { createClient } from 'redis';
import { createClient as createClient4 } from 'redis4';
import { createClient as createClient5 } from 'redis5';
import { productionize, responseCache } from '../../src/index.js';
import type { CacheEntry } from '../../src/middleware/response-cache/cache-store.js';
import { type RedisStore, type RedisStoreOptions, redisStore } from '../../src/redis/index.js';
import { sharedStoreConformance, storeConformance } from '../../src/store-conformance/index.js';
import { isPromise } from '../../src/support/is-promise.js';
import { cleanUp, until } from '../helpers/daemons.js';
import { expressVersions } from '../helpers/express-versions.js';
import { quiet } from '../helpers/memory-log.js';
import { itNeeds } from '../helpers/needs.js';
import { loggerTo } from '../helpers/part-logger.js';
import { killAll } from '../helpers/program.js';
import { startProxy, startRedis, type TestRedis } from '../helpers/redis.js';
import { closeAll, get, serve } from '../helpers/serve.js';

const it = itNeeds('redis-server');

/** The fields of a line about Redis. */
interface Change {
  readonly redis: 'down' | 'up' | 'read-only' | 'writable';
}

const stores = new Set<TestStore>();

afterEach(async () => {
  await closeAll();
  for (const store of stores) store.close();
  stores.clear();
  killAll();
  await cleanUp();
});

interface TestStore extends RedisStore {
  readonly events: Change[];
  /** Resolves when the log has said that for the given time. */
  said(event: Change['redis'], times?: number): Promise<Change>;
}

function open(url: string, options: Partial<RedisStoreOptions> = {}): TestStore {
  const events: Change[] = [];
  const store = redisStore({
    client: createClient({ url }),
    logger: loggerTo((fields) => events.push(fields)),
    ...options,
  });
  const said: TestStore['said'] = (event, times = 1) =>
    until(async () => events.filter((one) => one.redis === event)[times - 1]);
  const test = Object.defineProperties(
    { events, said },
    Object.getOwnPropertyDescriptors(store),
  ) as TestStore;
  stores.add(test);
  return test;
}

async function opened(url: string, options?: Partial<RedisStoreOptions>): Promise<TestStore> {
  // a machine with other work to do is no slow Redis
  const store = open(url, { timeoutMs: 2000, ...options });
  expect(await store.ready()).toBe(true);
  return store;
}

function entryOf(text: string, tags: string[] = [], livesMs = 60_000): CacheEntry {
  return { head: { status: 200 }, body: Buffer.from(text), expiresAt: Date.now() + livesMs, tags };
}

async function textAt(store: RedisStore, key: string): Promise<string | undefined> {
  return (await store.get(key))?.body.toString();
}

/** Resolves when one has heard what the other told so far: messages come in order. */
async function told(one: RedisStore, by: RedisStore): Promise<void> {
  await one.set('told', entryOf('one'));
  await by.set('told', entryOf('other'));
  const near = () => (one.get('told') as CacheEntry | undefined)?.body?.toString();
  await until(async () => near() !== 'one');
}

/** How long something took, in milliseconds. */
async function timed(work: () => unknown): Promise<number> {
  const startedAt = performance.now();
  await work();
  return performance.now() - startedAt;
}

/** A timer and a turn of the event loop may be that late on a busy machine; Redis itself is slower by far. */
const slackMs = 100;

type Client = RedisStoreOptions['client'];

// the result types are written out: the type checker compares those of elements, and of these clients for 20 seconds
const versions: [name: string, create: (options: { url: string }) => Client][] = [
  ['redis 4', (options): Client => createClient4(options)],
  ['redis 5', (options): Client => createClient5(options)],
  ['redis 6', (options): Client => createClient(options)],
];

describe.each(versions)('the cases of every store, by %s', (_name, create) => {
  let redis: TestRedis;
  // what a store does, however busy the machine is
  const make = (local?: false) =>
    opened(redis.url, { client: create({ url: redis.url }), timeoutMs: 2000, local });

  beforeEach(async () => {
    redis = await startRedis();
  });

  it.each(storeConformance)('with a local store: $name', async ({ run }) => {
    await run(await make());
  });

  it.each(storeConformance)('without one: $name', async ({ run }) => {
    await run(await make(false));
  });

  it.each(sharedStoreConformance)('two with a local store: $name', async ({ run }) => {
    await run(await make(), await make());
  });

  it.each(sharedStoreConformance)('two without one: $name', async ({ run }) => {
    await run(await make(false), await make(false));
  });

  it('is lost and restored', async () => {
    const store = await make();
    await redis.kill();
    await store.said('down');
    await redis.start();
    await store.said('up');
    await store.set('found', entryOf('again'));
    expect(await redis.cli.exists('express-productionize:entry:found')).toBe(1);
    expect(store.events.map(({ redis }) => redis)).toEqual(['down', 'up']);
  });
});

describe('Redis is slow', () => {
  it('get and lease together wait for timeoutMs at most, then no operation waits until it is fast again', async () => {
    const redis = await startRedis();
    const proxy = await startProxy(redis.port);
    const store = await opened(proxy.url, { local: false, timeoutMs: 50 });
    await store.set('slow', entryOf('kept'));
    expect(await textAt(store, 'slow')).toBe('kept');

    proxy.delay(300);
    const waited = await timed(async () => expect(await store.get('slow')).toBeUndefined());
    expect(waited).toBeGreaterThan(45);
    expect(waited).toBeLessThan(50 + slackMs);
    const led = await timed(async () =>
      expect(await store.lease('slow', 5000)).toEqual(expect.any(Function)),
    );
    expect(led).toBeLessThan(45);
    const down = until(async () => {
      expect(await timed(() => store.get('slow'))).toBeLessThan(50 + slackMs);
      return !store.up;
    });
    await down;
    const rest = Array.from({ length: 1000 }, (_, n) => store.get(`slow ${n}`));
    expect(rest).toEqual(Array(1000).fill(undefined));

    proxy.delay(0);
    await store.said('up');
    expect(await textAt(store, 'slow')).toBe('kept');
    expect(store.events).toEqual([
      { redis: 'down', reason: 'no reply in 50 ms' },
      { redis: 'up', afterMs: expect.any(Number) },
    ]);
  });

  it('one slow reply alone does not open the circuit', async () => {
    const redis = await startRedis();
    const store = await opened(redis.url, { local: false, timeoutMs: 50 });
    await store.set('hiccup', entryOf('kept'));
    await redis.cli.sendCommand(['CLIENT', 'PAUSE', '100', 'ALL']);
    const waits = await Promise.all(
      Array.from({ length: 50 }, () => timed(() => Promise.all([store.get('hiccup'), store.get('other')]))),
    );
    expect(Math.max(...waits)).toBeLessThan(50 + slackMs);
    expect(await until(() => textAt(store, 'hiccup'))).toBe('kept');
    expect(store.events).toEqual([]);
  });

  it('replies that wait for a busy process are not late', async () => {
    const redis = await startRedis();
    const store = await opened(redis.url, { local: false, timeoutMs: 50 });
    await store.set('busy', entryOf('kept'));
    const busy = () => {
      for (const end = performance.now() + 150; performance.now() < end; );
    };
    // before the question is written, and before the answer is read
    const found = textAt(store, 'busy');
    busy();
    const end = await store.lease('busy too', 5000);
    const waits = (await opened(redis.url, { timeoutMs: 50 })).lease('busy too', 5000);
    expect(await Promise.race([waits, delay(300, 'waits')])).toBe('waits');
    end?.();
    expect(await found).toBe('kept');
    const foundAgain = textAt(store, 'busy');
    await new Promise(setImmediate);
    busy();
    expect(await foundAgain).toBe('kept');
  });

  it('no commands accumulate while a server does not reply', async () => {
    const redis = await startRedis();
    const proxy = await startProxy(redis.port);
    const store = await opened(proxy.url, { local: false, timeoutMs: 50 });
    const large = { ...entryOf(''), body: Buffer.alloc(900_000) };
    proxy.blackhole();
    const ask = async () => {
      for (let n = 0; n < 100; n++) {
        expect(await Promise.race([store.get(`pile ${n}`), delay(50 + slackMs, 'waits')])).toBeUndefined();
        void store.set(`pile ${n}`, large);
      }
    };
    await Promise.all([ask(), ask(), ask()]);
    await until(async () => {
      await ask();
      return !store.up;
    });
    for (let n = 0; n < 10; n++) await ask();
    // of a gigabyte
    expect(proxy.received()).toBeLessThan(17 * 1024 * 1024);
  });

  it('a connection that is dead without an error is replaced', async () => {
    const redis = await startRedis();
    const proxy = await startProxy(redis.port);
    const store = await opened(proxy.url, { timeoutMs: 50 });
    await store.set('dead', entryOf('kept'));
    proxy.blackhole();
    await until(async () => {
      await store.get(String(Math.random()));
      return !store.up;
    });
    proxy.open();
    await store.said('up');
    expect(await textAt(store, 'dead')).toBe('kept');
    expect(store.events.map(({ redis }) => redis)).toEqual(['down', 'up']);
  });
});

describe('Redis is down', () => {
  it('no request waits, each gets the lease, the local store serves for a second, one line per change', async () => {
    const redis = await startRedis();
    const [store, other] = [await opened(redis.url), await opened(redis.url)];
    await redis.kill();
    await Promise.all([store.said('down'), other.said('down')]);
    const waited = await timed(async () => {
      expect(store.get('down')).toBeUndefined();
      const [one, two] = [await store.lease('down', 5000), await other.lease('down', 5000)];
      await store.set('down', entryOf('kept here'));
      one?.();
      two?.();
      expect(store.get('down')).toMatchObject({ body: Buffer.from('kept here') });
      expect(other.get('down')).toBeUndefined();
      expect(await store.purge({ key: 'other' })).toEqual({ removed: 0, reach: 'process' });
    });
    expect(waited).toBeLessThan(slackMs);
    await delay(1000);
    expect(store.get('down')).toBeUndefined();

    await redis.start();
    await Promise.all([store.said('up'), other.said('up')]);
    await store.set('down', entryOf('shared'));
    expect(await textAt(other, 'down')).toBe('shared');
    for (const { events } of [store, other]) {
      expect(events).toEqual([
        { redis: 'down', reason: expect.stringContaining('no connection') },
        { redis: 'up', afterMs: expect.any(Number) },
      ]);
    }
  });

  it('a caller that waits for a lease acquires one itself', async () => {
    const redis = await startRedis();
    const [store, other] = [await opened(redis.url), await opened(redis.url)];
    await store.lease('led', 10_000);
    const waits = other.lease('led', 10_000);
    await until(async () => String(await redis.cli.get('express-productionize:lease:led')).endsWith('+'));
    await redis.kill();
    expect(await waits).toEqual(expect.any(Function));
  });

  it('was never available: one line, no wait, and it is used when it starts', async () => {
    const redis = await startRedis();
    await redis.kill();
    const store = open(redis.url);
    expect(store.get('early')).toBeUndefined();
    expect(await store.ready()).toBe(false);
    await delay(500);
    expect(store.events).toEqual([{ redis: 'down', reason: expect.stringContaining('ECONNREFUSED') }]);
    await redis.start();
    await store.said('up');
  });

  it('a purge that did not reach Redis is repeated when it replies again', async () => {
    const redis = await startRedis();
    const proxy = await startProxy(redis.port);
    const [store, other] = [await opened(proxy.url), await opened(redis.url)];
    for (const key of ['key', 'tag', 'prefix/1', 'stays']) await other.set(key, entryOf('before', [key]));
    proxy.refuse();
    proxy.cut();
    await store.said('down');
    for (const selection of [{ key: 'key' }, { tag: 'tag' }, { prefix: 'prefix/' }]) {
      expect(await store.purge(selection)).toMatchObject({ reach: 'process' });
    }
    expect(await textAt(other, 'tag')).toBe('before');
    proxy.open();
    await store.said('up');
    for (const key of ['key', 'tag', 'prefix/1']) {
      await until(
        async () => (await textAt(other, key)) === undefined && (await textAt(store, key)) === undefined,
      );
    }
    expect(await textAt(other, 'stays')).toBe('before');
  });
});

describe('Redis is full', () => {
  it('set fails, get, purge and lease work, one line per turn', async () => {
    const redis = await startRedis('--maxmemory-policy', 'noeviction');
    const store = await opened(redis.url, { local: false });
    await store.set('kept', entryOf('kept', ['tag']));
    await store.set('other', entryOf('other'));
    const end = await store.lease('early', 5000);
    await redis.cli.configSet('maxmemory', '1');
    for (let n = 0; n < 3; n++) await store.set('refused', entryOf('refused'));
    expect(await store.get('refused')).toBeUndefined();
    expect(await textAt(store, 'kept')).toBe('kept');
    expect(await store.lease('full', 5000)).toEqual(expect.any(Function));
    end?.();
    await until(async () => (await redis.cli.exists('express-productionize:lease:early')) === 0);
    expect(await store.purge({ tag: 'tag' })).toEqual({ reach: 'all' });
    expect(await store.get('kept')).toBeUndefined();
    expect(await textAt(store, 'other')).toBe('other');
    expect(await store.purge({ prefix: 'oth' })).toEqual({ reach: 'all' });
    expect(await store.get('other')).toBeUndefined();
    await redis.cli.configSet('maxmemory', '0');
    await until(async () => {
      await store.set('accepted', entryOf('accepted'));
      return (await textAt(store, 'accepted')) === 'accepted';
    });
    expect(store.events).toEqual([
      { redis: 'read-only', reason: expect.stringContaining('OOM') },
      { redis: 'writable', afterMs: expect.any(Number) },
    ]);
  });
});

it('a replica serves, and stores nothing', async () => {
  const [main, replica] = [await startRedis(), await startRedis()];
  const store = await opened(main.url, { local: false });
  await store.set('copied', entryOf('copied', ['tag']));
  await replica.cli.sendCommand(['REPLICAOF', '127.0.0.1', String(main.port)]);
  await until(async () => (await replica.cli.exists('express-productionize:entry:copied')) === 1);
  const reader = await opened(replica.url, { local: false });
  expect(await textAt(reader, 'copied')).toBe('copied');
  await reader.set('refused', entryOf('refused'));
  expect(await reader.lease('led', 1000)).toEqual(expect.any(Function));
  expect(await reader.purge({ tag: 'tag' })).toEqual({ reach: 'process' });
  expect(await textAt(reader, 'copied')).toBe('copied');
  expect(reader.events).toEqual([{ redis: 'read-only', reason: expect.stringContaining('READONLY') }]);
});

it('a log that throws has no effect', async () => {
  const redis = await startRedis();
  let said = 0;
  const logger = loggerTo(() => {
    said++;
    throw new Error('the log is full');
  });
  const store = await opened(redis.url, { logger });
  await redis.kill();
  await until(async () => said === 1);
  await redis.start();
  await until(async () => said === 2);
  await store.set('said', entryOf('kept'));
  expect(await textAt(store, 'said')).toBe('kept');
});

describe('the store in this process', () => {
  it('returns no promise, and is read first', async () => {
    const redis = await startRedis();
    const [store, other] = [await opened(redis.url), await opened(redis.url)];
    await store.set('near', entryOf('near'));
    await other.get('near');
    await until(async () => other.get('near') !== undefined && !(other.get('near') instanceof Promise));
  });

  it('serves no purged response for more than a second while its subscription is interrupted', async () => {
    const redis = await startRedis();
    const proxy = await startProxy(redis.port);
    const [store, other] = [await opened(proxy.url), await opened(redis.url)];
    await other.set('cut', entryOf('before', ['cut']));
    await until(async () => store.get('cut') instanceof Promise === false && store.get('cut') !== undefined);
    proxy.blackhole();
    expect(await other.purge({ tag: 'cut' })).toEqual({ reach: 'all' });
    const startedAt = performance.now();
    const served = () => store.get('cut') !== undefined && !(store.get('cut') instanceof Promise);
    await until(async () => !served());
    expect(performance.now() - startedAt).toBeLessThan(1000 + slackMs);
  });

  it('drops all entries when its subscription is lost', async () => {
    const redis = await startRedis();
    const [store, other] = [await opened(redis.url), await opened(redis.url)];
    await other.set('missed', entryOf('before'));
    await until(
      async () => store.get('missed') instanceof Promise === false && store.get('missed') !== undefined,
    );
    await redis.cli.sendCommand(['CLIENT', 'KILL', 'TYPE', 'pubsub']);
    await redis.cli.del('express-productionize:entry:missed');
    await until(async () => (await store.get('missed')) === undefined);
    expect(store.events).toEqual([]);
  });

  it('serves the entry with which another process replaced one', async () => {
    const redis = await startRedis();
    const [store, other] = [await opened(redis.url), await opened(redis.url)];
    await store.set('fresh', entryOf('stale'));
    await other.set('fresh', entryOf('refreshed'));
    await until(async () => (await textAt(store, 'fresh')) === 'refreshed');
  });
});

describe('purges', () => {
  it.each([{ key: 'page' }, { prefix: 'pa' }, { tag: 'page' }])(
    'resolve when every process has dropped its copy: %p',
    async (selection) => {
      const redis = await startRedis();
      const proxy = await startProxy(redis.port);
      proxy.delay(10);
      const stores = [await opened(redis.url), await opened(proxy.url), await opened(redis.url)];
      const [store] = stores as [TestStore];
      for (let round = 0; round < 20; round++) {
        await store.set('page', entryOf(`round ${round}`, ['page']));
        for (const one of stores) expect(await textAt(one, 'page')).toBe(`round ${round}`);
        expect((await store.purge(selection)).reach).toBe('all');
        // a local copy would be returned without a promise
        const found = stores.map((one) => one.get('page'));
        expect(found.map(isPromise)).toEqual([true, true, true]);
        expect(await Promise.all(found)).toEqual([undefined, undefined, undefined]);
      }
    },
  );

  it('wait no longer than timeoutMs for a process that confirms nothing', async () => {
    const redis = await startRedis();
    const store = await opened(redis.url, { timeoutMs: 200 });
    const deaf = await redis.cli.duplicate().connect();
    await deaf.subscribe('express-productionize:messages', () => {});
    const took = await timed(() => store.purge({ key: 'page' }));
    deaf.destroy();
    expect(took).toBeGreaterThan(150);
    expect(took).toBeLessThan(200 + slackMs);
    expect(await timed(() => store.purge({ key: 'page' }))).toBeLessThan(150);
  });

  it.each(expressVersions)('are done before the response to a POST on %s', async (_name, express) => {
    const redis = await startRedis();
    let value = 0;
    const sites = [];
    for (let at = 0; at < 2; at++) {
      const cache = responseCache({ store: await opened(redis.url) });
      const app = productionize(express(), { ...quiet(), cache });
      const pages = express.Router();
      pages.get('/:id', (_req, res) => void res.set('Cache-Control', 'max-age=600').send(`${value}`));
      pages.post('/:id', (_req, res) => {
        value += 1;
        res.sendStatus(204);
      });
      app.use(helmet()).use('/pages', pages);
      sites.push((await serve(app)).port);
    }
    // one URL for both
    const ask = (port: number | undefined, method = 'GET') =>
      get(`http://127.0.0.1:${port}/pages/7`, { method, headers: { host: 'shop.example' } });
    let hits = 0;
    for (let round = 0; round < 100; round++) {
      await ask(sites[1]);
      if (/hit/.test(String((await ask(sites[1])).headers['cache-status']))) hits += 1;
      await ask(sites[0], 'POST');
      expect((await ask(sites[1])).text).toBe(`${value}`);
    }
    expect(hits).toBeGreaterThan(50);
  });

  it('an entry whose tag, key or prefix was purged anywhere during its handler is not stored', async () => {
    const redis = await startRedis();
    const [store, other] = [await opened(redis.url), await opened(redis.url)];
    for (const selection of [{ key: 'made' }, { prefix: 'ma' }, { tag: 'made' }]) {
      expect(await store.get('made')).toBeUndefined();
      const end = await store.lease('made', 5000);
      await other.purge(selection);
      await told(store, other);
      await store.set('made', entryOf('of what was before', ['made']));
      end?.();
      expect(await store.get('made')).toBeUndefined();
      await store.set('made', entryOf('after', ['made']));
      expect(await textAt(store, 'made')).toBe('after');
      await store.purge({ key: 'made' });
    }
  });

  it('a refreshed response is not stored after a purge elsewhere', async () => {
    const redis = await startRedis();
    const [store, other] = [await opened(redis.url), await opened(redis.url)];
    await store.set('stale', entryOf('before', ['stale']));
    await store.get('stale');
    await other.purge({ tag: 'stale' });
    await until(async () => (await redis.cli.exists('express-productionize:tag:stale')) === 0);
    await told(store, other);
    await store.set('stale', entryOf('of what was before', ['stale']));
    expect(await other.get('stale')).toBeUndefined();
    expect(await store.get('stale')).toBeUndefined();
    await store.set('stale', entryOf('after', ['stale']));
    expect(await textAt(other, 'stale')).toBe('after');
  });

  it('an entry whose tag was evicted is a miss', async () => {
    const redis = await startRedis();
    const store = await opened(redis.url, { local: false });
    await store.set('tagged', entryOf('tagged', ['a', 'b']));
    expect(await textAt(store, 'tagged')).toBe('tagged');
    await redis.cli.del('express-productionize:tag:b');
    expect(await store.get('tagged')).toBeUndefined();
    expect(await redis.cli.exists('express-productionize:entry:tagged')).toBe(0);
  });

  it('a tag expires with the last entry that has it', async () => {
    const redis = await startRedis();
    const store = await opened(redis.url, { local: false });
    await store.set('long', entryOf('long', ['tag'], 60_000));
    await store.set('short', entryOf('short', ['tag'], 1000));
    const livesMs = await redis.cli.pTTL('express-productionize:tag:tag');
    expect(livesMs).toBeGreaterThan(50_000);
    expect(livesMs).toBeLessThanOrEqual(60_000);
    expect(await textAt(store, 'long')).toBe('long');
  });

  it('by prefix remove only keys of the store', async () => {
    const redis = await startRedis();
    const [store, other] = [
      await opened(redis.url, { prefix: 'a*:' }),
      await opened(redis.url, { prefix: 'ab:' }),
    ];
    await redis.cli.set('foreign', 'kept');
    for (const one of [store, other]) await one.set('k', entryOf('k'));
    expect(await store.purge({ prefix: '' })).toEqual({ reach: 'all' });
    expect(await store.get('k')).toBeUndefined();
    expect(await textAt(other, 'k')).toBe('k');
    expect(await redis.cli.get('foreign')).toBe('kept');
  });
});

describe('leases', () => {
  it('are not acquired if an entry was stored since the miss, but for a refresh', async () => {
    const redis = await startRedis();
    const [store, other] = [await opened(redis.url), await opened(redis.url)];
    expect(await store.get('led')).toBeUndefined();
    const end = await other.lease('led', 5000);
    const kept = other.set('led', entryOf('led'));
    end?.();
    await kept;
    expect(await store.lease('led', 5000)).toBeUndefined();
    expect(await textAt(store, 'led')).toBe('led');
    expect(await store.lease('led', 5000)).toEqual(expect.any(Function));
  });
});

describe('an entry in Redis', () => {
  it('expires with the entry', async () => {
    const redis = await startRedis();
    const store = await opened(redis.url);
    await store.set('expires', entryOf('expires', [], 5000));
    const livesMs = await redis.cli.pTTL('express-productionize:entry:expires');
    expect(livesMs).toBeGreaterThan(4000);
    expect(livesMs).toBeLessThanOrEqual(5000);
  });

  it('is a miss if it is foreign or damaged, and is replaced', async () => {
    const redis = await startRedis();
    const store = await opened(redis.url, { local: false });
    const name = 'express-productionize:entry:hostile';
    await store.set('hostile', entryOf('good', ['tag']));
    const good = (await redis.cli.sendCommand(['GET', name], {
      typeMapping: { 36: Buffer },
    })) as unknown as Buffer;
    const values: Buffer[] = [
      Buffer.of(),
      Buffer.from('text'),
      Buffer.from('EPC2'),
      Buffer.alloc(100, 'EPC2'),
    ];
    for (let length = 0; length < good.length - 4; length++) values.push(good.subarray(0, length));
    for (let at = 0; at < good.length - 4; at++) {
      const damaged = Buffer.from(good);
      damaged[at] = 0xff;
      values.push(damaged);
    }
    let found = 0;
    for (const value of values) {
      await redis.cli.set(name, value);
      const entry = await store.get('hostile');
      if (entry !== undefined) found++;
      if (entry !== undefined) expect(entry).toMatchObject({ head: expect.any(Object), tags: ['tag'] });
    }
    // a changed character inside the JSON may still be JSON
    expect(found).toBeLessThan(20);
    for (const make of [
      () => redis.cli.hSet(name, 'a', 'b'),
      () => redis.cli.lPush(name, 'a'),
      () => redis.cli.sAdd(name, 'a'),
    ]) {
      await redis.cli.del(name);
      await make();
      expect(await store.get('hostile')).toBeUndefined();
    }
    await store.set('hostile', entryOf('good again'));
    expect(await textAt(store, 'hostile')).toBe('good again');
    await redis.cli.lPush('express-productionize:tag:list', 'a');
    await redis.cli.lPush('express-productionize:lease:list', 'a');
    await store.set('list', entryOf('tagged', ['list']));
    expect(await textAt(store, 'list')).toBe('tagged');
    for (const message of ['', '{', '[]', 'null', '{"key":1}', '{"__proto__":{"key":"a"}}', '{"ended":{}}']) {
      await redis.cli.publish('express-productionize:messages', message);
    }
    expect(await textAt(store, 'list')).toBe('tagged');
    expect(store.events).toEqual([]);
  });

  it('is removed when a new one is too large', async () => {
    const redis = await startRedis();
    const store = await opened(redis.url, { maxEntryBytes: 1000 });
    await store.set('large', entryOf('x'.repeat(1000)));
    expect(await redis.cli.exists('express-productionize:entry:large')).toBe(1);
    // The store keeps nothing in this process from before its subscription, nor when it may have missed messages.
    await until(async () => {
      await store.set('large', entryOf('x'.repeat(1001)));
      return (await textAt(store, 'large'))?.length === 1001;
    });
    await until(async () => (await redis.cli.exists('express-productionize:entry:large')) === 0);
  });
});

describe('connections', () => {
  it.each<[name: string, create: (url: string) => Client]>([
    ['redis 4 in legacy mode', (url): Client => createClient4({ url, legacyMode: true })],
    ['redis 4 that pings', (url): Client => createClient4({ url, pingInterval: 10 })],
    [
      'redis 5 with RESP 3 and its own cache',
      (url): Client => createClient5({ url, RESP: 3, clientSideCache: { ttl: 0 } }),
    ],
    ['redis 6 with RESP 2 and a database', (url): Client => createClient({ url, RESP: 2, database: 3 })],
    [
      'redis 6 with command options',
      (url): Client => createClient({ url, commandOptions: { timeout: 1, asap: true } }),
    ],
  ])('are made from %s', async (_name, create) => {
    const redis = await startRedis();
    const [store, other] = (await Promise.all(
      [1, 2].map(() => opened(redis.url, { client: create(redis.url), timeoutMs: 2000 })),
    )) as [TestStore, TestStore];
    const entry = entryOf('kept', ['tag']);
    await store.set('made', entry);
    await until(async () => other.get('made') !== undefined && !(other.get('made') instanceof Promise));
    expect(other.get('made')).toEqual(entry);
    expect(await store.purge({ prefix: 'made' })).toEqual({ reach: 'all' });
    await until(async () => (await other.get('made')) === undefined);
    // longer than the local store trusts a subscription that does not answer
    await store.set('made', entry);
    await other.get('made');
    const near = () => other.get('made') !== undefined && !(other.get('made') instanceof Promise);
    await until(async () => near());
    for (const end = performance.now() + 1500; performance.now() < end; await delay(50))
      expect(near()).toBe(true);
    await redis.kill();
    await Promise.all([store.said('down'), other.said('down')]);
    await redis.start();
    await Promise.all([store.said('up'), other.said('up')]);
    for (const one of [store, other]) one.close();
    await until(async () => (await redis.cli.clientList()).length === 1);
  });

  it('two are opened, none remains after close(), and the client is not touched', async () => {
    const redis = await startRedis();
    const client = createClient({ url: redis.url, name: 'user' });
    client.on('error', () => {});
    await client.connect();
    const names = client.eventNames();
    const count = async () => (await redis.cli.clientList()).length;
    const before = await count();
    const store = await opened(redis.url, { client });
    await until(async () => (await count()) === before + 2);
    store.close();
    await until(async () => (await count()) === before);
    expect(client.eventNames()).toEqual(names);
    expect(await client.ping()).toBe('PONG');
    client.destroy();
  });

  it.each(versions)(
    '%s: none remains where close() is called before they are connected',
    async (_name, create) => {
      const redis = await startRedis();
      const proxy = await startProxy(redis.port);
      for (const wait of [0, 1, 2, 5, 10]) {
        const store = open(proxy.url, { client: create({ url: proxy.url }) });
        await delay(wait);
        store.close();
      }
      await until(async () => proxy.accepted() >= 8 && proxy.connections() === 0);
    },
  );

  it('are used before a server that ends idle ones does so', async () => {
    const redis = await startRedis('--timeout', '8');
    const store = await opened(redis.url);
    const commands = (await redis.cli.sendCommand(['CLIENT', 'LIST'])) as unknown as string;
    expect(commands).toContain('cmd=eval');
    const before = /id=(\d+).*cmd=eval/.exec(commands)?.[1];
    const idleFor = async () => {
      const list = (await redis.cli.sendCommand(['CLIENT', 'LIST'])) as unknown as string;
      return Number(new RegExp(`id=${before} .*idle=(\\d+) .*cmd=eval`).exec(list)?.[1]);
    };
    await until(async () => (await idleFor()) >= 4);
    await until(async () => (await idleFor()) <= 1);
    expect(store.events).toEqual([]);
  });

  it('need only the permissions in the documentation', async () => {
    const redis = await startRedis();
    const docs = readFileSync(path.join(__dirname, '../../docs/cache-redis.md'), 'utf8');
    const rights = /`(~express-productionize:\*[^`]+)`/.exec(docs)?.[1] as string;
    await redis.cli.sendCommand(['ACL', 'SETUSER', 'cache', 'on', '>secret', ...rights.split(/\s+/)]);
    const url = redis.url.replace('//', '//cache:secret@');
    const [store, other] = [await opened(url), await opened(url, { local: false })];
    for (const selection of [{ key: 'a' }, { prefix: 'a' }, { tag: 't' }]) {
      await store.set('a', entryOf('before', ['t']));
      await store.set('a', entryOf('kept', ['t']));
      expect(await textAt(other, 'a')).toBe('kept');
      expect(await other.purge(selection)).toMatchObject({ reach: 'all' });
      await until(async () => (await store.get('a')) === undefined);
    }
    const end = await store.lease('a', 5000);
    const waits = other.lease('a', 5000);
    await until(async () => String(await redis.cli.get('express-productionize:lease:a')).endsWith('+'));
    const startedAt = performance.now();
    end?.();
    expect(await waits).toBeUndefined();
    expect(performance.now() - startedAt).toBeLessThan(150);
    await store.set('a', { ...entryOf(''), body: Buffer.alloc(2 * 1024 * 1024) });
    expect([...store.events, ...other.events]).toEqual([]);
  });

  it('an operation under load costs', async () => {
    const redis = await startRedis();
    const [store, far] = [await opened(redis.url), await opened(redis.url, { local: false })];
    await store.set('cost', entryOf('x'.repeat(10_000), ['a', 'b']));
    await until(async () => store.get('cost') !== undefined && !(store.get('cost') instanceof Promise));
    const times = 2000;
    const near = await timed(() => {
      for (let n = 0; n < times; n++) store.get('cost');
    });
    const remote = await timed(async () => {
      for (let n = 0; n < times; n++) await far.get('cost');
    });
    process.stdout.write(
      `redisStore, a hit of 10 KB with two tags: ${(near / times).toFixed(4)} ms local, ${(remote / times).toFixed(3)} ms from Redis\n`,
    );
    expect(near).toBeLessThan(remote);
  });
});
