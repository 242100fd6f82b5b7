import { once } from 'node:events';
import fs from 'node:fs';
import http from 'node:http';
import type { RequestHandler } from 'express';
import { type CacheStore, cacheControl, memoryStore, responseCache } from '../../../src/index.js';
import { variantKey } from '../../../src/middleware/response-cache/vary.js';
import { cachedApps, counted, minute } from '../../helpers/cached.js';
import { expressVersions } from '../../helpers/express-versions.js';
import { closeAll, get, serve } from '../../helpers/serve.js';

const session = jest.requireActual<(options: object) => RequestHandler>('express-session');

afterEach(closeAll);

describe.each(expressVersions)('a cache behind other middleware, %s', (_name, express) => {
  it('does not store a response on which an earlier session sets a cookie', async () => {
    const app = express();
    app.use(session({ secret: 'x', resave: false, saveUninitialized: false }));
    app.get('/form', responseCache() as never, (req, res) => {
      const { session } = req as unknown as { session: { token?: number } };
      session.token ??= Math.random();
      res.set('Cache-Control', 'max-age=60').send(`token ${session.token}`);
    });
    const { url } = await serve(app);
    const [one, other] = [await get(`${url}/form`), await get(`${url}/form`)];
    expect(one.headers['set-cookie']).toBeDefined();
    expect(other.headers['set-cookie']).toBeDefined();
    expect(other.text).not.toBe(one.text);
  });

  it('does not store an error that cacheControl marks as no-store', async () => {
    const app = express();
    const handler = counted((_req, res, call) => res.status(404).send(`call ${call}`));
    app.get('/', cacheControl({ maxAge: 60 }) as never, responseCache() as never, handler as never);
    const { url } = await serve(app);
    for (const call of [1, 2]) {
      const answer = await get(url);
      expect([answer.headers['cache-control'], answer.text]).toEqual(['no-store', `call ${call}`]);
    }
  });

  it('does not store a response with a Vary that was extended after the cache', async () => {
    const app = express();
    app.use((_req, res, next) => {
      const { writeHead } = res;
      res.writeHead = function late(this: typeof res, ...args: never[]) {
        this.setHeader('Vary', 'X-Tenant');
        return writeHead.apply(this, args as never);
      } as never;
      next();
    });
    const handler = counted((_req, res, call) => res.set('Cache-Control', minute).send(`call ${call}`));
    app.get('/', responseCache() as never, handler as never);
    const { url } = await serve(app);
    expect((await get(url)).text).toBe('call 1');
    expect((await get(url)).text).toBe('call 2');
  });
});

describe.each(cachedApps)('how requests of some affect the responses of others, %s', (_name, make) => {
  it.each([
    ['a 304', { cookie: 'a=1', 'if-none-match': '*' }, 304],
    ['a private answer', { cookie: 'a=1' }, 200],
    ['a 401', { authorization: 'x' }, 401],
  ])('%s to one with credentials does not change what is stored', async (_what, headers, status) => {
    const { app } = make();
    app.get('/', (req, res) => {
      if (req.headers.authorization) res.status(401).send('who?');
      else if (req.headers.cookie && !req.headers['if-none-match'])
        res.set('Cache-Control', 'private').send('you');
      else res.set('Cache-Control', 'max-age=60').send('all');
    });
    const { url } = await serve(app);
    await get(url);
    expect((await get(url, { headers })).status).toBe(status);
    expect((await get(url)).headers['cache-status']).toMatch(/hit/);
  });

  it('a 304 to the leader stores the whole response, and no source remains open', async () => {
    const { app } = make();
    const sources: fs.ReadStream[] = [];
    app.get('/', (_req, res) => {
      res.set({ 'Cache-Control': minute, ETag: '"x"' });
      const source = fs.createReadStream(__filename);
      sources.push(source);
      source.pipe(res);
    });
    const { url } = await serve(app);
    // a client that leaves with its 304 ends the source
    const agent = new http.Agent({ keepAlive: true });
    const first = await get(url, { agent, headers: { 'if-none-match': '"x"' } });
    expect([first.status, first.text]).toEqual([304, '']);
    const [source] = sources as [fs.ReadStream];
    if (!source.closed) await once(source, 'close');
    agent.destroy();
    const second = await get(url);
    expect(second.headers['cache-status']).toMatch(/hit/);
    expect(second.text).toBe(fs.readFileSync(__filename, 'utf8'));
    expect(sources).toHaveLength(1);
  });

  it('an entry of another process that cannot be sent is a miss, and causes no crash', async () => {
    const now = Date.now();
    const head = {
      ...{ v: 1, status: 200, headers: [['x-broken', 'a\u0000b']], ranges: false, open: true },
      ...{ bornAt: now, freshUntil: now + 60_000, staleUntil: 0, errorUntil: 0 },
    };
    let looks = 0;
    const store: CacheStore = {
      get: () => {
        looks += 1;
        return looks === 1 ? undefined : { head, body: Buffer.from('x'), expiresAt: now + 60_000, tags: [] };
      },
      set: () => {},
      purge: () => ({ reach: 'process' }),
      lease: async () => undefined,
    };
    const { app } = make({ store });
    app.get('/', (_req, res) => void res.send('the handler'));
    const { url } = await serve(app);
    const answer = await get(url);
    expect([answer.status, answer.text]).toEqual([200, 'the handler']);
  });

  it('a response that was purged while the cache waited for its store is not stored', async () => {
    const memory = memoryStore();
    const looked: (() => void)[] = [];
    let waits = false;
    const store: CacheStore = {
      async get(key) {
        if (waits) await new Promise<void>((resolve) => looked.push(resolve));
        return memory.get(key);
      },
      set: async (key, entry) => memory.set(key, entry),
      purge: async (selection) => memory.purge(selection),
    };
    const { app, cache } = make({ store, storeTimeoutMs: 10_000 });
    let version = 1;
    app.get('/', (_req, res) => {
      // from here on the store is slow: the look before the answer is stored waits
      waits = true;
      res.set('Cache-Control', minute).send(`version ${version}`);
    });
    const { url } = await serve(app);
    expect((await get(url)).text).toBe('version 1');
    version = 2;
    await cache.purge({ key: '/' });
    waits = false;
    for (const go of looked) go();
    expect((await get(url)).text).toBe('version 2');
  });
});

it('a list with long runs of spaces is the same variant as one without', () => {
  const key = (accept: string) => variantKey('k', 'g', ['accept'], { headers: { accept } } as never);
  expect(key(`a ,${' '.repeat(15_000)}b`)).toBe(key('a,b'));
  expect(key(`a${' '.repeat(15_000)}b`)).toBe(key('a b'));
});
