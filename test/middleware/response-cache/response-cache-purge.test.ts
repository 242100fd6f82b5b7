import type { Request, Response } from 'express';
import { type CacheStore, memoryStore } from '../../../src/index.js';
import { cachedApps, counted, minute } from '../../helpers/cached.js';
import { closeAll, get, serve } from '../../helpers/serve.js';

afterEach(closeAll);

describe.each(cachedApps)('invalidation on %s', (_name, make) => {
  /** An app that counts what it says of each URL, and whose other methods do what a test says. */
  async function serveThings(
    write: (req: Request, res: Response) => unknown = (_req, res) => res.status(204).end(),
    options?: Parameters<typeof make>[0],
  ) {
    const { app, cache } = make(options);
    const handler = counted((req, res, call) =>
      req.method === 'GET'
        ? res
            .set({
              'Cache-Control': minute,
              'Cache-Tag': `all, ${req.path.slice(1)}`,
              Vary: 'Accept-Language',
            })
            .send(`call ${call}`)
        : write(req, res),
    );
    app.use(handler);
    const { url } = await serve(app);
    return {
      cache,
      url,
      /** Which of these URLs are answered from the store. */
      async stored(...paths: string[]) {
        const found: string[] = [];
        for (const path of paths) {
          const answer = await get(url + path, { headers: { 'cache-control': 'only-if-cached' } });
          if (answer.status === 200) found.push(path);
        }
        return found;
      },
      async fill(...paths: string[]) {
        for (const path of paths) await get(url + path);
      },
    };
  }

  it.each(['POST', 'PUT', 'DELETE', 'PATCH', 'MKCOL'])(
    'a successful %s removes the response of its URL',
    async (method) => {
      const { url, fill, stored } = await serveThings();
      await fill('/a', '/a?b=1', '/ab');
      await get(`${url}/a`, { method });
      expect(await stored('/a', '/a?b=1', '/ab')).toEqual(['/a?b=1', '/ab']);
    },
  );

  it('every variant of the URL is removed', async () => {
    const { url, fill } = await serveThings();
    await fill('/a');
    const german = { headers: { 'accept-language': 'de' } };
    expect((await get(`${url}/a`, german)).text).toBe('call 2');
    await get(`${url}/a`, { method: 'POST' });
    expect([(await get(`${url}/a`)).text, (await get(`${url}/a`, german)).text]).toEqual([
      'call 4',
      'call 5',
    ]);
  });

  it.each([
    ['fails', 'POST', (_req: Request, res: Response) => res.status(404).end()],
    ['fails by the server', 'POST', (_req: Request, res: Response) => res.status(500).end()],
    ['is safe', 'OPTIONS', (_req: Request, res: Response) => res.status(204).end()],
    ['is safe, too', 'QUERY', (_req: Request, res: Response) => res.json([])],
  ])('a request that %s removes no response', async (_what, method, write) => {
    const { url, fill, stored } = await serveThings(write);
    await fill('/a');
    await get(`${url}/a`, { method });
    expect(await stored('/a')).toEqual(['/a']);
  });

  it('the responses of Location and Content-Location are removed on the same origin only', async () => {
    const { url, fill, stored } = await serveThings((req, res) => {
      const { host } = req.headers;
      const names: Record<string, string> = {
        '/1': '/a',
        '/2': `http://${host}/b?y=2&x=1`,
        '/3': 'c',
        '/4': `http://evil.test/d`,
        '/5': 'http://[broken',
      };
      res
        .set(req.path === '/3' ? 'Content-Location' : 'Location', names[req.path])
        .status(201)
        .end();
    });
    const paths = ['/a', '/b?x=1&y=2', '/c', '/d'];
    await fill(...paths);
    for (let i = 1; i <= 5; i++) await get(`${url}/${i}`, { method: 'POST' });
    expect(await stored(...paths)).toEqual(['/d']);
  });

  it('the client that made the change sees it, and a response begun before it is not stored', async () => {
    const { app } = make();
    let release: (() => void) | undefined;
    let state = 'old';
    app.get('/', (_req, res) => {
      const body = state;
      res.set('Cache-Control', minute);
      if (body === 'new') res.send(body);
      else release = () => res.send(body);
    });
    app.post('/', (_req, res) => {
      state = 'new';
      res.redirect(303, '/');
    });
    const { url, server } = await serve(app);
    const arrival = new Promise((resolve) => server.once('request', resolve));
    const before = get(url);
    await arrival;
    await get(url, { method: 'POST' });
    (release as unknown as () => void)();
    expect((await before).text).toBe('old');
    expect((await get(url)).text).toBe('new');
  });

  it('purges by URL, by path on all hosts, by prefix and by tag', async () => {
    const { cache, url, fill, stored } = await serveThings();
    const paths = ['/a', '/a?x=1&y=2', '/ab', '/b/1', '/b/2'];
    await fill(...paths);
    await cache.purge({ key: `${url}/a?y=2&x=1` });
    expect(await stored(...paths)).toEqual(['/a', '/ab', '/b/1', '/b/2']);
    expect(await cache.purge({ key: '/a' })).toMatchObject({ reach: 'process' });
    expect(await stored(...paths)).toEqual(['/ab', '/b/1', '/b/2']);
    await cache.purge({ tag: 'b/1' });
    expect(await stored(...paths)).toEqual(['/ab', '/b/2']);
    await cache.purge({ prefix: '/b' });
    expect(await stored(...paths)).toEqual(['/ab']);
    await fill(...paths);
    await cache.purge({ tag: 'all' });
    expect(await stored(...paths)).toEqual([]);
  });

  it('a response begun before a purge is not stored after it', async () => {
    const selections = [{ tag: 'all' }, { prefix: '/' }, { key: '/a' }] as const;
    for (const selection of selections) {
      const { app, cache } = make();
      app.use((_req, res) => {
        res.set({ 'Cache-Control': minute, 'Cache-Tag': 'all' });
        void cache.purge(selection).then(() => res.send('x'));
      });
      const { url } = await serve(app);
      await get(`${url}/a`);
      const again = await get(`${url}/a`, { headers: { 'cache-control': 'only-if-cached' } });
      expect(again.status).toBe(504);
    }
  });

  it('reads tags from an option, and stores no response whose tags cannot be read', async () => {
    const { cache, fill, stored } = await serveThings(undefined, {
      tags: (req) => {
        if (req.path === '/bad') throw new Error('no tags');
        return [`path:${req.path}`];
      },
    });
    await fill('/a', '/b', '/bad');
    await cache.purge({ tag: 'path:/a' });
    expect(await stored('/a', '/b', '/bad')).toEqual(['/b']);
  });

  it('shares a store among caches, and returns the reach of a purge from the store', async () => {
    const store: CacheStore = memoryStore();
    const shared: CacheStore = {
      get: (key) => store.get(key),
      set: (key, entry) => store.set(key, entry),
      purge: async (selection) => ({ ...(await store.purge(selection)), reach: 'all' }),
    };
    const one = await serveThings(undefined, { store: shared });
    await one.fill('/a');
    expect(await one.cache.purge({ tag: 'all' })).toEqual({ removed: 1, reach: 'all' });
  });
});
