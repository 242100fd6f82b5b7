import { type CacheEntry, type CacheStore, memoryStore } from '../../../src/index.js';
import { ask, cachedApps, cacheStatus, clock, counted, minute, saying } from '../../helpers/cached.js';
import { deferred } from '../../helpers/deferred.js';
import { closeAll, get, serve } from '../../helpers/serve.js';

afterEach(closeAll);

/** A store that answers a turn later, as one over a network does. */
function laterStore(inner: CacheStore = memoryStore()): CacheStore {
  const turn = () => new Promise(setImmediate);
  return {
    async get(key) {
      await turn();
      return inner.get(key);
    },
    async set(key, entry) {
      await turn();
      await inner.set(key, entry);
    },
    async purge(selection) {
      await turn();
      return inner.purge(selection);
    },
  };
}

const never = () => new Promise<never>(() => {});
const broken: Record<string, () => never | Promise<never>> = {
  throws() {
    throw new Error('the store threw');
  },
  rejects: () => Promise.reject(new Error('the store rejected')),
  hangs: never,
};

describe.each(cachedApps)('stores on %s', (_name, make) => {
  it('responds from an asynchronous store, with variants, and one call for many', async () => {
    const { app } = make({ store: laterStore() });
    const handler = counted((req, res, call) =>
      res
        .set({ 'Cache-Control': minute, Vary: 'Accept-Language' })
        .send(`${req.headers['accept-language']} ${call}`),
    );
    app.use(handler);
    const { url } = await serve(app);
    const ask = (language: string) => get(url, { headers: { 'accept-language': language } });
    const cold = await Promise.all(Array.from({ length: 20 }, () => ask('de')));
    expect(new Set(cold.map(({ text }) => text))).toEqual(new Set(['de 1']));
    await new Promise(setImmediate);
    await new Promise(setImmediate);
    expect([(await ask('de')).text, (await ask('en')).text]).toEqual(['de 1', 'en 2']);
  });

  it.each(Object.entries(broken))('a store that %s is a miss, within its time', async (_what, fail) => {
    const warnings: string[] = [];
    const onWarning = (warning: Error & { code?: string }) => {
      if (warning.code === 'ERR_PRODUCTIONIZE_CACHE_STORE') warnings.push(warning.message);
    };
    process.on('warning', onWarning);
    const store = { get: fail, set: fail, purge: fail, lease: fail } as unknown as CacheStore;
    const { app, cache } = make({ store, storeTimeoutMs: 30, waitMs: 100 });
    const handler = saying();
    app.use(handler);
    const { url } = await serve(app);
    const began = performance.now();
    const answers = [await get(url), await get(url), await get(url, { method: 'POST' })];
    expect(performance.now() - began).toBeLessThan(2000);
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200]);
    expect(await cache.purge({ tag: 'x' })).toEqual({ reach: 'process' });
    process.off('warning', onWarning);
    // one warning for all of them, in the whole process
    expect(warnings.length).toBeLessThanOrEqual(1);
  });

  it.each([
    ['null', null],
    ['a marker that is none', { head: { v: 1, vary: [null], generation: 'x' }, body: Buffer.alloc(0) }],
    ['a text', 'x'],
    ['an entry of another shape', { head: { v: 99 }, body: Buffer.alloc(1) }],
    ['an entry without a body', { head: { v: 1, headers: [], bornAt: 0 } }],
    [
      'headers that are none',
      { head: { ...headLike(), headers: [['x', 'a\nb']] }, body: Buffer.from('evil') },
    ],
    ['headers that cannot be read', { head: { ...headLike(), headers: [null] }, body: Buffer.from('evil') }],
    ['a status that is none', { head: { ...headLike(), status: 9999 }, body: Buffer.from('evil') }],
    ['times that are none', { head: { ...headLike(), freshUntil: 'soon' }, body: Buffer.from('evil') }],
  ])('treats %s from a store as a miss', async (_what, entry) => {
    const store: CacheStore = { ...memoryStoreLike(), get: () => entry as unknown as CacheEntry };
    const [first, second] = await ask(make({ store }), saying(), {}, {});
    expect([first?.status, first?.text, second?.text]).toEqual([200, 'call 1', 'call 2']);
  });

  it('requests the lease from the store, and serves the response that another process stored', async () => {
    const inner = memoryStore();
    const leases: string[] = [];
    const ended: string[] = [];
    const store: CacheStore = {
      ...memoryStoreLike(inner),
      async lease(key, limitMs) {
        leases.push(`${key.split(' ')[0]} ${limitMs}`);
        if (key.startsWith('/theirs')) {
          const entry = inner.get('/ours copy') as CacheEntry;
          inner.set(key, entry);
          return undefined;
        }
        if (key.startsWith('/nobody')) return undefined;
        return () => ended.push(key);
      },
      set(key, entry) {
        inner.set(key, entry);
        inner.set('/ours copy', entry);
      },
    };
    const { app } = make({ store, waitMs: 1000 });
    const handler = saying();
    app.use(handler);
    const { url } = await serve(app);
    const ours = await get(`${url}/ours`);
    expect([ours.text, leases, ended.length]).toEqual(['call 1', ['/ours 500'], 1]);
    const theirs = await Promise.all([get(`${url}/theirs`), get(`${url}/theirs`)]);
    expect(theirs.map(({ text }) => text)).toEqual(['call 1', 'call 1']);
    expect(theirs.map(cacheStatus)).toContain('fwd=uri-miss; collapsed');
    const nobody = await get(`${url}/nobody`);
    expect([nobody.text, handler.calls]).toEqual(['call 2', 2]);
  });

  it('requests the lease of a refresh from the store, and does not refresh where another process has it', async () => {
    const time = clock();
    try {
      const asked: string[] = [];
      let granted = false;
      let ends = 0;
      const store: CacheStore = {
        ...memoryStoreLike(),
        async lease(key) {
          asked.push(key);
          const end = () => {
            ends += 1;
          };
          return asked.length === 1 || granted ? end : undefined;
        },
      };
      const { app } = make({ store });
      const over = deferred<void>();
      const handler = counted((_req, res, call) => {
        if (call === 2) res.once('close', over.resolve);
        res.set('Cache-Control', 'public, max-age=10, stale-while-revalidate=60').send(`call ${call}`);
      });
      app.use(handler);
      const { url } = await serve(app);
      await get(url);
      time.pass(20);
      expect((await get(url)).text).toBe('call 1');
      await new Promise(setImmediate);
      expect([asked.length, handler.calls, ends]).toEqual([2, 1, 1]);
      granted = true;
      expect((await get(url)).text).toBe('call 1');
      await over.promise;
      await new Promise(setImmediate);
      expect([asked.length, handler.calls, ends]).toEqual([3, 2, 2]);
      expect((await get(url)).text).toBe('call 2');
    } finally {
      time.stop();
    }
  });

  it('does not restore a variant that another process purged in the meantime', async () => {
    const inner = memoryStore();
    const { app } = make({ store: laterStore(inner) });
    const answer = deferred<void>();
    const handler = counted(async (req, res, call) => {
      if (call === 2) await answer.promise;
      res
        .set({ 'Cache-Control': minute, Vary: 'Accept-Language' })
        .send(`${req.headers['accept-language']} ${call}`);
    });
    app.use(handler);
    const { url, server } = await serve(app);
    const ask = (language: string) => get(url, { headers: { 'accept-language': language } });
    const stored = async () => {
      for (let i = 0; i < 5; i++) await new Promise(setImmediate);
    };
    await ask('de');
    await stored();
    const arrived = new Promise((resolve) => server.once('request', resolve));
    const second = ask('en');
    await arrived;
    await stored();
    inner.purge({ key: `/ ${url} ` });
    answer.resolve();
    expect((await second).text).toBe('en 2');
    await stored();
    expect([(await ask('de')).text, (await ask('en')).text]).toEqual(['de 3', 'en 2']);
  });

  it('ends the lease when there is nothing to store', async () => {
    let ends = 0;
    const store: CacheStore = {
      ...memoryStoreLike(),
      lease: async () => () => {
        ends += 1;
      },
    };
    await ask(make({ store }), saying('private'), {});
    await ask(
      make({ store }),
      counted((_req, res) => res.status(500).end()),
      {},
    );
    await ask(
      make({ store }),
      counted((_req, res) => res.destroy()),
      {},
    ).catch(() => {});
    expect(ends).toBe(3);
  });

  it('releases a client that disconnects during a call of the store', async () => {
    const [asked, found, closed] = [deferred<void>(), deferred<undefined>(), deferred<void>()];
    const store: CacheStore = {
      ...memoryStoreLike(),
      get() {
        asked.resolve();
        return found.promise;
      },
    };
    const { app } = make({ store, storeTimeoutMs: 10_000 });
    const handler = saying();
    app.use(handler);
    const { server, url } = await serve(app);
    server.once('request', (_req, res) => res.once('close', closed.resolve));
    const controller = new AbortController();
    get(url, { signal: controller.signal }).catch(() => {});
    await asked.promise;
    controller.abort();
    await closed.promise;
    found.resolve(undefined);
    await new Promise(setImmediate);
    expect(handler.calls).toBe(0);
  });
});

function headLike() {
  return {
    v: 1,
    status: 200,
    headers: [],
    ranges: false,
    bornAt: 0,
    freshUntil: 1e15,
    staleUntil: 0,
    errorUntil: 0,
    open: true,
  };
}

function memoryStoreLike(inner: CacheStore = memoryStore()): CacheStore {
  return {
    get: (key) => inner.get(key),
    set: (key, entry) => inner.set(key, entry),
    purge: (selection) => inner.purge(selection),
  };
}
