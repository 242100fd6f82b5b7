import type { Request, RequestHandler, Response } from 'express';
import { memoryStore, productionize, report, responseCache, restoreApp } from '../../../src/index.js';
import { ask, cachedApps, cacheStatus, clock, counted, minute, saying } from '../../helpers/cached.js';
import { expressVersions } from '../../helpers/express-versions.js';
import { memoryLog, quiet } from '../../helpers/memory-log.js';
import { closeAll, get, raw, serve } from '../../helpers/serve.js';

afterEach(closeAll);

// it comes without types
const session = jest.requireActual<(options: object) => RequestHandler>('express-session');

const host = (name: string) => ({ headers: { host: name } });

describe.each(cachedApps)('responseCache on %s', (_name, make) => {
  it('serves only responses with a lifetime from the store', async () => {
    const fresh = saying();
    const [, again] = await ask(make(), fresh, {}, {});
    expect([again?.text, fresh.calls]).toEqual(['call 1', 1]);
    const silent = counted((_req, res, call) => res.send(`call ${call}`));
    const [, other] = await ask(make(), silent, {}, {});
    expect([other?.text, silent.calls]).toEqual(['call 2', 2]);
  });

  it.each([
    ['Set-Cookie', (res) => res.cookie('a', '1')],
    ['private', (res) => res.set('Cache-Control', 'private, max-age=60')],
    ['private with fields', (res) => res.set('Cache-Control', 'max-age=60, private="x-user, x-name"')],
    ['no-store', (res) => res.set('Cache-Control', 'no-store, max-age=60')],
    ['no-cache', (res) => res.set('Cache-Control', 'No-Cache="set-cookie", max-age=60')],
    ['no-cache in capitals', (res) => res.set('Cache-Control', 'MAX-AGE=60, NO-CACHE')],
    ['Pragma: no-cache', (res) => res.removeHeader('Cache-Control') ?? res.set('Pragma', 'no-cache')],
    ['Vary: *', (res) => res.set('Vary', 'Accept, *')],
    ['a 206', (res) => res.status(206)],
    ['a Content-Range', (res) => res.set('Content-Range', 'bytes 0-5/6')],
    ['a status outside the list', (res) => res.status(418)],
    ['a 500', (res) => res.status(500)],
    ['a 401', (res) => res.status(401)],
    ['an event stream', (res) => res.set('Content-Type', 'text/event-stream')],
    ['a max-age that is no number', (res) => res.set('Cache-Control', 'public, max-age=1e3')],
    ['two different max-ages', (res) => res.set('Cache-Control', 'max-age=60, max-age=0')],
    ['an Expires in the past', (res) => res.set({ 'Cache-Control': 'public', Expires: '0' })],
  ] as [string, (res: Response) => unknown][])('never stores %s', async (_what, mark) => {
    const handler = counted((_req, res, call) => {
      res.set('Cache-Control', minute);
      mark(res);
      res.send(`call ${call}`);
    });
    const [first, second] = await ask(make({ ttlSeconds: undefined }), handler, {}, {});
    expect([second?.text, handler.calls]).toEqual(['call 2', 2]);
    expect(cacheStatus(first as never)).toBe('fwd=uri-miss');
  });

  it('never stores a cookie that a session sets when the headers are sent', async () => {
    const made = make();
    made.app.use(session({ secret: 'x', resave: false, saveUninitialized: true }));
    const handler = saying();
    const [first, second] = await ask(made, handler, {}, {});
    expect(first?.headers['set-cookie']).toHaveLength(1);
    expect(second?.headers['set-cookie']).toHaveLength(1);
    expect(handler.calls).toBe(2);
  });

  it('never stores a response with trailers, with too many or too few bytes, or an incomplete one', async () => {
    const answers: Record<string, (res: Response) => void> = {
      '/trailers'(res) {
        res.set('Trailer', 'x-sum');
        res.write('a');
        res.addTrailers({ 'x-sum': '1' });
        res.end('b');
      },
      '/undeclared-trailers'(res) {
        res.write('a');
        res.addTrailers({ 'x-sum': '1' });
        res.end('b');
      },
      '/large'(res) {
        res.write('x'.repeat(600));
        res.end('x'.repeat(600));
      },
      '/short'(res) {
        res.set('Content-Length', '10');
        res.end('short');
      },
      '/cut'(res) {
        res.write('begun');
        res.destroy();
        res.end();
      },
    };
    const { app } = make({ maxEntryBytes: 1000 });
    const handler = counted((req, res) => {
      res.set('Cache-Control', minute);
      answers[req.path]?.(res);
    });
    app.use(handler);
    const { url } = await serve(app);
    for (const path of Object.keys(answers)) {
      const before = handler.calls;
      for (let i = 0; i < 2; i++) await get(url + path).catch(() => {});
      expect([path, handler.calls - before]).toEqual([path, 2]);
    }
  });

  describe.each([
    ['Authorization', { headers: { authorization: 'Bearer a' } }],
    ['a cookie', { headers: { cookie: 'sid=1' } }],
    ['X-Api-Key', { headers: { 'x-api-key': 'a' } }],
  ])('with %s', (_what, credentials) => {
    it('is neither served from the cache nor stored', async () => {
      const handler = saying('max-age=60');
      const answers = await ask(make(), handler, credentials, credentials, {}, {}, credentials);
      expect(answers.map(({ text }) => text)).toEqual(['call 1', 'call 2', 'call 3', 'call 3', 'call 4']);
      expect(cacheStatus(answers[4] as never)).toMatch(/^fwd=bypass/);
    });

    it.each(['public, max-age=60', 's-maxage=60'])('shares responses with %s', async (says) => {
      const handler = saying(says);
      const answers = await ask(make(), handler, credentials, credentials, {});
      expect(answers.map(({ text }) => text)).toEqual(['call 1', 'call 1', 'call 1']);
    });

    it('is not shared because of must-revalidate', async () => {
      const handler = saying('max-age=60, must-revalidate');
      const answers = await ask(make(), handler, credentials, {});
      expect(answers.map(({ text }) => text)).toEqual(['call 1', 'call 2']);
    });
  });

  it('includes the cookies of the list in the key, and no other', async () => {
    const handler = counted((req, res) =>
      res.set('Cache-Control', 'max-age=60').send(`${handler.calls} ${req.headers.cookie}`),
    );
    const cookie = (value: string) => ({ headers: { cookie: value } });
    const answers = await ask(
      make({ cookies: ['lang'] }),
      handler,
      ...['lang=de', 'lang=en', 'lang=de', 'lang=de; sid=1', 'lang=en'].map(cookie),
    );
    expect(answers.map(({ text }) => text)).toEqual([
      '1 lang=de',
      '2 lang=en',
      '1 lang=de',
      '3 lang=de; sid=1',
      '2 lang=en',
    ]);
  });

  it('separates hosts, paths and queries, and sorts parameters', async () => {
    const handler = counted((req, res, call) =>
      res.set('Cache-Control', minute).send(`${call} ${req.hostname}`),
    );
    const to = (path: string, name = 'a.test') => ({ to: path, ...host(name) });
    const answers = await ask(
      make(),
      handler,
      to('/x?b=2&a=1'),
      to('/x?a=1&b=2'),
      to('/x?a=2&b=1'),
      to('/x'),
      to('/X'),
      to('/x/'),
      to('/x', 'b.test'),
      to('/x', 'A.TEST'),
      to('/x', 'a.test:81'),
    );
    expect(answers.map(({ text }) => Number(text.split(' ')[0]))).toEqual([1, 1, 2, 3, 4, 5, 6, 3, 7]);
  });

  it.each(['/x?a[]=1&a[0]=2 /x?a[0]=2&a[]=1', '/x?a.b=1&a=2 /x?a=2&a.b=1', '/x?a=1&a=2 /x?a=2&a=1'])(
    'does not sort where the order may matter: %s',
    async (pair) => {
      const handler = saying();
      await ask(make(), handler, ...pair.split(' ').map((to) => ({ to })));
      expect(handler.calls).toBe(2);
    },
  );

  it('stores nothing for parameters outside the list, and responds without them', async () => {
    const handler = counted((req, res, call) => res.set('Cache-Control', minute).send(`${call} ${req.url}`));
    const answers = await ask(
      make({ query: ['page'] }),
      handler,
      { to: '/x?page=2&utm=evil' },
      { to: '/x?page=2' },
      { to: '/x?utm=other&page=2' },
      { to: '/x?%70age=3' },
      { to: '/x?page[]=2' },
      { to: '/x' },
      { to: '/x?utm=other' },
    );
    expect(answers.map(({ text }) => text)).toEqual([
      '1 /x?page=2&utm=evil',
      '2 /x?page=2',
      '2 /x?page=2',
      '3 /x?%70age=3',
      '4 /x?page[]=2',
      '5 /x',
      '5 /x',
    ]);
  });

  it.each(['x-forwarded-host', 'x-forwarded-proto', 'x-forwarded-prefix', 'forwarded', 'x-original-url'])(
    'an untrusted %s changes neither the key nor what is stored',
    async (name) => {
      const handler = counted((req, res) =>
        res.set('Cache-Control', minute).send(`${req.headers[name] ?? 'clean'} ${req.hostname}`),
      );
      const evil = { headers: { host: 'a.test', [name]: 'evil.test' } };
      const answers = await ask(make(), handler, evil, host('a.test'), evil, host('a.test'));
      expect(answers.map(({ text }) => text)).toEqual([
        'evil.test a.test',
        'clean a.test',
        'clean a.test',
        'clean a.test',
      ]);
    },
  );

  it('includes protocol and host of a trusted proxy in the key', async () => {
    const made = make();
    made.app.set('trust proxy', 'loopback');
    const handler = counted((req, res) =>
      res.set('Cache-Control', minute).send(`${req.protocol} ${req.hostname}`),
    );
    const from = (proto: string, name: string) => ({
      headers: { 'x-forwarded-proto': proto, 'x-forwarded-host': name },
    });
    const answers = await ask(
      made,
      handler,
      from('https', 'a.test'),
      from('http', 'a.test'),
      from('https', 'b.test'),
      from('https', 'a.test'),
    );
    expect(answers.map(({ text }) => text)).toEqual([
      'https a.test',
      'http a.test',
      'https b.test',
      'https a.test',
    ]);
    expect(handler.calls).toBe(3);
  });

  it.each([
    ['a body', { headers: { 'content-length': '2' }, body: '{}' }],
    ['a chunked body', { headers: { 'transfer-encoding': 'chunked' }, body: '{}' }],
    ['a very long URL', { to: `/${'x'.repeat(3000)}` }],
    ['a host that is none', host('evil test')],
    ['a host with a path', host('a.test/evil')],
    ['a very long host', host(`${'a'.repeat(300)}.test`)],
    ['If-Match', { headers: { 'if-match': '"x"' } }],
  ])('neither stores nor serves a GET with %s', async (_what, request) => {
    const handler = saying();
    const answers = await ask(make(), handler, request, request);
    expect(handler.calls).toBe(2);
    for (const answer of answers) expect(cacheStatus(answer)).toMatch(/^fwd=bypass; detail=[\w-]+$/);
  });

  it('treats `__proto__`, NULs and line breaks in a query as text', async () => {
    const handler = counted((_req, res, call) => res.set('Cache-Control', minute).send(`call ${call}`));
    const paths = [
      '/x?__proto__=1',
      '/x?__proto__=2',
      '/x?a=%00',
      '/x?a=',
      '/x?a=%0d%0aSet-Cookie:%20b=1',
      '/x?a=%zz',
    ];
    const first = await ask(make(), handler, ...[...paths, ...paths].map((to) => ({ to })));
    expect(first.slice(0, 6).map(({ text }) => text)).toEqual(first.slice(6).map(({ text }) => text));
    expect(handler.calls).toBe(6);
    for (const { headers } of first) expect(headers['set-cookie']).toBeUndefined();
  });

  it.each([
    ['an absolute URL', 'http://evil.test/', 2],
    ['a byte that is no part of a URL', '/a"b', 2],
    ['a fragment', '/a#b', 2],
    ['an empty query, which is not the same as none', '/?', 1],
  ])('does not treat %s in the request line as another URL', async (_what, target, calls) => {
    const handler = saying();
    const { app } = make();
    app.use(handler);
    const { port } = await serve(app);
    const send = (to: string) => raw(port, `GET ${to} HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\n\r\n`);
    await send('/');
    await send('/a');
    for (let i = 0; i < 2; i++) await send(target);
    expect(handler.calls).toBe(2 + calls);
  });

  it('stores neither a response that could not be sent nor the next one', async () => {
    const { app } = make();
    let calls = 0;
    app.use((_req, res) => {
      calls += 1;
      res.set('Cache-Control', minute);
      try {
        res.set({ Trailer: 'x-sum', 'Content-Length': '5' });
        res.end('first');
      } catch {
        res.removeHeader('Trailer');
        res.set('Content-Length', '6');
        res.end('second');
      }
    });
    const { url } = await serve(app);
    expect([(await get(url)).text, (await get(url)).text, calls]).toEqual(['second', 'second', 2]);
  });

  it('serves each variant to its own requests, and only once the first response has named them', async () => {
    const handler = counted((req, res, call) =>
      res
        .set({ 'Cache-Control': minute, Vary: 'Accept-Language' })
        .send(`${req.headers['accept-language']} ${call}`),
    );
    const speaks = (language: string) => ({ headers: { 'accept-language': language } });
    const answers = await ask(make(), handler, ...['de', 'en', 'de', 'en', 'fr'].map(speaks), {});
    expect(answers.map(({ text }) => text)).toEqual(['de 1', 'en 2', 'de 1', 'en 2', 'fr 3', 'undefined 4']);
    expect(cacheStatus(answers[1] as never)).toBe('fwd=vary-miss; stored');
  });

  it('serves no CORS permission of one origin to another', async () => {
    const handler = counted((req, res) =>
      res
        .set({ 'Cache-Control': minute, 'Access-Control-Allow-Origin': String(req.headers.origin) })
        .send('x'),
    );
    const from = (origin: string) => ({ headers: { origin } });
    const answers = await ask(
      make(),
      handler,
      ...['https://a.test', 'https://b.test', 'https://a.test'].map(from),
    );
    expect(answers.map(({ headers }) => headers['access-control-allow-origin'])).toEqual([
      'https://a.test',
      'https://b.test',
      'https://a.test',
    ]);
    expect(handler.calls).toBe(2);
  });

  describe('a stored response', () => {
    let time: ReturnType<typeof clock>;
    beforeEach(() => {
      time = clock();
    });
    afterEach(() => time.stop());

    it('sends the date of the response, its age, and Cache-Status', async () => {
      const { app } = make();
      app.use(saying());
      const { url } = await serve(app);
      const stored = await get(url);
      expect(cacheStatus(stored)).toBe('fwd=uri-miss; stored');
      expect(stored.headers.age).toBeUndefined();
      time.pass(42.5);
      const hit = await get(url);
      expect(cacheStatus(hit)).toBe('hit; ttl=18');
      expect(hit.headers.age).toBe('42');
      expect(hit.headers.date).toBe(new Date(1_700_000_000_000).toUTCString());
      time.pass(17.5);
      const expired = await get(url);
      expect([expired.text, cacheStatus(expired), expired.headers.age]).toEqual([
        'call 2',
        'fwd=uri-miss; stored',
        undefined,
      ]);
    });

    it('counts the age that a response from upstream has already', async () => {
      const [, hit] = await ask(make(), saying('public, max-age=60', { Age: '50' }), {}, {});
      expect([hit?.headers.age, cacheStatus(hit as never)]).toEqual(['50', 'hit; ttl=10']);
      const handler = saying('public, max-age=60', { Age: '60' });
      await ask(make(), handler, {}, {});
      expect(handler.calls).toBe(2);
    });

    it('preserves the Date of a response from upstream', async () => {
      const date = new Date(time.now - 30_000).toUTCString();
      const [, hit] = await ask(make(), saying(minute, { Date: date }), {}, {});
      expect([hit?.headers.date, hit?.headers.age]).toEqual([date, '30']);
    });

    it.each([
      ['s-maxage before max-age', 'max-age=10, s-maxage=60', {}],
      ['max-age before Expires', 'max-age=60', { Expires: '0' }],
      ['Expires', 'public', { Expires: new Date(1_700_000_060_000).toUTCString() }],
      ['a quoted number', 'max-age="60"', {}],
      ['proxy-revalidate', 'max-age=60, proxy-revalidate', {}],
      ['must-revalidate', 'max-age=60, must-revalidate', {}],
    ])('counts by %s', async (_what, says, headers) => {
      const [, hit] = await ask(make(), saying(says, headers), {}, {});
      expect(cacheStatus(hit as never)).toBe('hit; ttl=60');
    });

    it('removes the headers of a connection, and those that Connection names', async () => {
      const handler = saying(minute, {
        Connection: 'x-hop',
        'X-Hop': '1',
        'Keep-Alive': 'timeout=9',
        'X-Kept': '1',
      });
      const [, hit] = await ask(make(), handler, {}, {});
      expect(hit?.headers).toMatchObject({ 'x-kept': '1', 'cache-control': minute });
      expect(hit?.headers).not.toHaveProperty('x-hop');
      expect(hit?.headers['keep-alive']).not.toBe('timeout=9');
    });

    it('states the reason why a request was forwarded', async () => {
      const handler = saying();
      const answers = await ask(
        make(),
        handler,
        { method: 'POST' },
        { headers: { range: 'bytes=0-1' } },
        { headers: { 'cache-control': 'no-store' } },
        { headers: { 'cache-control': 'only-if-cached' } },
      );
      expect(answers.map(cacheStatus)).toEqual([
        'fwd=method',
        'fwd=uri-miss; detail=range',
        'fwd=uri-miss; detail=no-store',
        'detail=only-if-cached-uri-miss',
      ]);
      expect([answers[3]?.status, handler.calls]).toEqual([504, 3]);
    });
  });

  it('does not allow clients to bypass the cache by their directives by default', async () => {
    const headers = [
      { 'cache-control': 'no-cache' },
      { 'cache-control': 'no-store' },
      { 'cache-control': 'max-age=0' },
      { 'cache-control': 'min-fresh=100' },
      { pragma: 'no-cache' },
    ];
    const hostile = headers.map((sent) => ({ headers: sent }));
    const deaf = saying();
    await ask(make(), deaf, {}, ...hostile);
    expect(deaf.calls).toBe(1);
    const obedient = saying();
    const answers = await ask(make({ requestDirectives: true }), obedient, {}, {}, ...hostile.slice(0, 1));
    expect([obedient.calls, cacheStatus(answers[2] as never)]).toEqual([2, 'fwd=request; stored']);
    const asked = saying();
    const only = { requestDirectives: (req: Request) => req.headers['x-admin'] === '1' };
    await ask(make(only), asked, {}, ...hostile, {
      headers: { 'cache-control': 'no-cache', 'x-admin': '1' },
    });
    expect(asked.calls).toBe(2);
  });

  it('preserves every header, a status text, a redirect and an empty body', async () => {
    const { app } = make();
    const handler = counted((req, res) => {
      res.set('Cache-Control', minute);
      if (req.path === '/moved') return res.redirect(301, '/x');
      if (req.path === '/empty') return res.status(204).end();
      if (req.path === '/gone') return res.status(410).send('gone');
      res.statusMessage = 'Very Fine';
      res.append('Link', ['</a>; rel=a', '</b>; rel=b']);
      return res.writeHead(200, { 'X-Late': 'yes' }).end('body');
    });
    app.use(handler);
    const { url, port } = await serve(app);
    for (const path of ['/moved', '/empty', '/gone', '/']) {
      const [first, second] = [await get(url + path), await get(url + path)];
      expect([second.status, second.text, second.headers.location, second.headers.link]).toEqual([
        first.status,
        first.text,
        first.headers.location,
        first.headers.link,
      ]);
      expect(cacheStatus(second)).toMatch(/^hit/);
    }
    const text = await raw(port, 'GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n');
    expect(text).toMatch(/^HTTP\/1.1 200 Very Fine\r\n/);
    expect(text).toMatch(/X-Late: yes\r\n/i);
  });
});

describe.each(expressVersions)('the cache in productionize on %s', (_name, express) => {
  it('responds before the router, with a line in the log that names the route', async () => {
    const log = memoryLog();
    const app = productionize(express(), { ...log.options, cache: true });
    const router = express.Router();
    router.get('/:id', saying());
    app.use('/items', router);
    const { url } = await serve(app);
    const ids = [await get(`${url}/items/7`), await get(`${url}/items/7`)].map(
      ({ headers }) => headers['x-request-id'],
    );
    expect(ids[0]).not.toBe(ids[1]);
    const line = await log.line(({ reqId }) => reqId === ids[1]);
    expect(line).toMatchObject({ route: '/items/:id', status: 200, outcome: 'completed' });
  });

  it('is off by default, and the report states the reason', async () => {
    const app = productionize(express(), quiet());
    const handler = saying();
    app.use(handler);
    const { url } = await serve(app);
    const [first] = [await get(url), await get(url)];
    expect(handler.calls).toBe(2);
    expect(first.headers).not.toHaveProperty('cache-status');
    expect(report(app)?.parts.find(({ name }) => name === 'cache')?.state).toBe('off');
  });

  it('is detached without a trace when it is restored', async () => {
    const app = productionize(express(), { ...quiet(), cache: true });
    const handler = saying();
    app.use(handler);
    const { url } = await serve(app);
    await get(url);
    restoreApp(app);
    const after = await get(url);
    expect([after.text, after.headers['cache-status']]).toEqual(['call 2', undefined]);
  });

  it('is off beside a cache that the app mounts itself', async () => {
    const time = clock();
    const app = productionize(express(), { ...quiet(), cache: true });
    app.use(responseCache());
    const handler = saying();
    app.use(handler);
    const { url } = await serve(app);
    const [, hit] = [await get(url), await get(url)];
    expect([handler.calls, hit.headers['cache-status']]).toEqual([1, 'express-productionize; hit; ttl=60']);
    expect(report(app)?.parts.find(({ name }) => name === 'cache')?.state).toBe('kept');
    time.stop();
  });

  it('works together with a cache of one route', async () => {
    const time = clock();
    const app = productionize(express(), { ...quiet(), cache: true });
    const handler = counted((_req, res, call) => res.send(`call ${call}`));
    app.get('/', responseCache({ ttlSeconds: 60 }), handler);
    const { url } = await serve(app);
    const answers = [await get(url), await get(url), await get(url)];
    expect(answers.map(({ text }) => text)).toEqual(['call 1', 'call 1', 'call 1']);
    expect(answers[2]?.headers['cache-status']).toMatch(/hit; ttl=60/);
    time.stop();
  });

  it('runs once where the same cache is mounted twice', async () => {
    const time = clock();
    const cache = responseCache();
    const app = productionize(express(), { ...quiet(), cache });
    const handler = saying();
    app.get('/', cache, handler);
    const { url } = await serve(app);
    const answers = [await get(url), await get(url)];
    expect(answers.map(({ headers }) => headers['cache-status'])).toEqual([
      'express-productionize; fwd=uri-miss; stored',
      'express-productionize; hit; ttl=60',
    ]);
    time.stop();
  });

  it('uses the whole URL in a sub-app and in a router', async () => {
    const parent = express();
    const sub = productionize(express(), { ...quiet(), cache: true });
    const handler = saying();
    sub.get('/x', handler);
    parent.use('/a', sub);
    parent.use('/b', sub);
    const { url } = await serve(parent);
    const texts = [];
    for (const path of ['/a/x', '/b/x', '/a/x']) texts.push((await get(url + path)).text);
    expect(texts).toEqual(['call 1', 'call 2', 'call 1']);
  });
});

it('names a wrong option, and a purge of nothing', async () => {
  expect(() => responseCache({ ttl: 60 } as never)).toThrow(
    /Did you mean `ttlSeconds`\?|unknown option 'ttl'/,
  );
  expect(() => responseCache({ statuses: [206] })).toThrow(/expected `statuses`/);
  expect(() => responseCache({ store: {} as never })).toThrow(/expected `store`/);
  expect(() => memoryStore({ maxBytes: -1 })).toThrow(/expected `maxBytes`/);
  await expect(async () => responseCache().purge({} as never)).rejects.toThrow(/expected purge/);
});
