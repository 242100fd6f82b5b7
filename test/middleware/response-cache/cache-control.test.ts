import type http from 'node:http';
import type { Express, RequestHandler } from 'express';
import { cacheControl, errorHandler, productionize, responseCache } from '../../../src/index.js';
import { expressVersions } from '../../helpers/express-versions.js';
import { closeAll, get, serve } from '../../helpers/serve.js';

afterEach(closeAll);

describe('cacheControl.header', () => {
  it.each([
    [{ maxAge: 60, staleWhileRevalidate: 86_400 }, 'max-age=60, stale-while-revalidate=86400'],
    [{ public: true, maxAge: 60 }, 'public, max-age=60'],
    [{ maxAge: 31_536_000, immutable: true }, 'max-age=31536000, immutable'],
    [{ maxAge: 0, sMaxAge: 300, staleIfError: 60 }, 'max-age=0, s-maxage=300, stale-if-error=60'],
    [{ private: true, noCache: true }, 'private, no-cache'],
    [{ noCache: true, maxAge: 0 }, 'no-cache, max-age=0'],
    [{ noStore: true }, 'no-store'],
    [
      { maxAge: 1, mustRevalidate: true, proxyRevalidate: true, noTransform: true },
      'max-age=1, must-revalidate, proxy-revalidate, no-transform',
    ],
    [{ maxAge: 2 ** 31 - 1 }, 'max-age=2147483647'],
    [{ maxAge: 5, public: false, sMaxAge: undefined }, 'max-age=5'],
  ])('%j is %s', (options, header) => {
    expect(cacheControl.header(options)).toBe(header);
  });

  it.each([
    [{ private: true, sMaxAge: 5 }, /`private` without `sMaxAge`.*no shared cache/],
    [{ private: true, public: true }, /`private` without `public`/],
    [{ private: true, proxyRevalidate: true }, /`private` without `proxyRevalidate`/],
    [{ noStore: true, maxAge: 0 }, /`noStore` without `maxAge`/],
    [{ noStore: true, public: true }, /`noStore` without `public`/],
    [{ noCache: true, maxAge: 5 }, /`noCache` without `maxAge`/],
    [{ noCache: true, sMaxAge: 5 }, /`noCache` without `sMaxAge`/],
    [{ noCache: true, maxAge: 0, staleIfError: 5 }, /`noCache` without `staleIfError`/],
    [{ maxAge: 1, mustRevalidate: true, staleWhileRevalidate: 5 }, /`mustRevalidate` without/],
    [{ immutable: true }, /`immutable` with `maxAge`/],
    [{ immutable: true, sMaxAge: 5 }, /`immutable` with `maxAge`/],
    [{ staleWhileRevalidate: 5 }, /`staleWhileRevalidate` with `maxAge` or `sMaxAge`/],
    [{ staleIfError: 5, public: true }, /`staleIfError` with `maxAge` or `sMaxAge`/],
    [{}, /a directive, got an empty object/],
    [{ public: false }, /a directive/],
    [undefined, /a directive/],
    [{ maxAge: -1 }, /`maxAge` to be a whole number of seconds, 0 or more and at most 2147483647, got -1/],
    [{ maxAge: 1.5 }, /a whole number of seconds/],
    [{ maxAge: 2 ** 31 }, /at most 2147483647/],
    [{ maxAge: Number.NaN }, /a whole number of seconds/],
    [{ maxAge: '1 day' }, /a whole number of seconds.*got '1 day'/],
    [{ sMaxAge: '60, private' }, /a whole number of seconds/],
    [{ public: 'yes' }, /`public` to be true or false/],
    [{ maxage: 5 }, /Did you mean `maxAge`/],
    [{ 'max-age': 5 }, /Did you mean `maxAge`/],
    [null, /an options object, got null/],
  ])('%j is refused at set-up', (options, message) => {
    expect(() => cacheControl(options as never)).toThrow(
      expect.objectContaining({ code: 'ERR_PRODUCTIONIZE_OPTION', message: expect.stringMatching(message) }),
    );
    expect(() => cacheControl.header(options as never)).toThrow(message);
  });
});

it('is a named middleware of three parameters', () => {
  const middleware = cacheControl({ maxAge: 1 });
  expect([middleware.name, middleware.length]).toEqual(['cacheControlMiddleware', 3]);
});

it('works on a response of plain node:http', async () => {
  const middleware = cacheControl({ maxAge: 60 });
  const { url } = await serve((req, res) => {
    middleware(req as never, res as never, () => res.writeHead(req.url === '/gone' ? 410 : 200).end());
  });
  expect((await get(url)).headers['cache-control']).toBe('max-age=60');
  expect((await get(`${url}/gone`)).headers['cache-control']).toBe('no-store');
});

describe.each(expressVersions)('%s', (_name, express) => {
  const minute = cacheControl({ public: true, maxAge: 60 });
  const flush: RequestHandler = (_req, res, next) => {
    res.flushHeaders();
    next();
  };

  function routes(app = express()) {
    app.set('env', 'test');
    app.get('/', minute, (_req, res) => void res.json({ fine: true }));
    app.get('/later', minute, (_req, res) => void res.set('Cache-Control', 'private').send('mine'));
    app.get('/twice', cacheControl({ noStore: true }), minute, (_req, res) => void res.send('last wins'));
    app.get('/moved', minute, (_req, res) => void res.redirect(301, '/'));
    app.get('/throws', minute, () => {
      throw new Error('broken');
    });
    app.get('/next', minute, (_req, _res, next) => next(Object.assign(new Error('no'), { status: 403 })));
    app.get('/missing', minute, (_req, _res, next) => next());
    app.get('/status', minute, (_req, res) => void res.status(404).json({}));
    app.get('/head', minute, (_req, res) => void res.writeHead(503, 'Full').end());
    app.get(
      '/own',
      minute,
      (_req, res) => void res.status(404).set('Cache-Control', 'max-age=5').send('kept a little'),
    );
    app.get(
      '/own-head',
      minute,
      (_req, res) => void res.writeHead(404, { 'Cache-Control': 'max-age=5' }).end(),
    );
    app.get('/sent', flush, minute, (_req, res) => void res.end());
    return app;
  }

  const apps: [string, () => http.RequestListener][] = [
    ['bare', () => routes()],
    ['productionized', () => productionize(routes(), { logger: { level: 'silent' } })],
    ['with errorHandler', () => routes().use(errorHandler() as never)],
    [
      'with an error handler of its own',
      () =>
        routes().use(((_err: unknown, _req: unknown, res: http.ServerResponse, _next: unknown) => {
          res.statusCode = 500;
          res.end('sorry');
        }) as never),
    ],
  ];

  describe.each(apps)('%s', (_kind, app) => {
    it.each([
      ['/', 200, 'public, max-age=60'],
      ['/later', 200, 'private'],
      ['/twice', 200, 'public, max-age=60'],
      ['/moved', 301, 'public, max-age=60'],
      ['/own', 404, 'max-age=5'],
      ['/own-head', 404, 'max-age=5'],
      ['/sent', 200, undefined],
    ])('%s has the header of its route', async (path, status, header) => {
      const { url } = await serve(app());
      const answer = await get(url + path);
      expect([answer.status, answer.headers['cache-control']]).toEqual([status, header]);
    });

    it.each(['/throws', '/next', '/missing', '/status', '/head'])(
      'the error at %s is not cached with the lifetime of its route',
      async (path) => {
        const { url } = await serve(app());
        const { status, headers } = await get(url + path);
        expect(status).toBeGreaterThanOrEqual(400);
        expect(headers['cache-control']).toBe('no-store');
      },
    );
  });

  const cached: [string, () => Express][] = [
    ['app.use(responseCache())', () => express().use(responseCache())],
    [
      'productionize(app, { cache: true })',
      () => productionize(express(), { cache: true, logger: { level: 'silent' } }),
    ],
  ];

  it.each(cached)(
    '%s has the header of its route, and an error instead of it does not',
    async (_way, make) => {
      const app = make();
      app.set('env', 'test');
      let calls = 0;
      const answers: RequestHandler[] = [
        (_req, res) => void res.json({}),
        (_req, res) => void res.status(404).json({}),
        (_req, res) => void res.writeHead(404).end(),
        (_req, _res, next) => next(),
        (_req, _res, next) => next(Object.assign(new Error('gone'), { status: 410 })),
      ];
      answers.forEach((answer, i) => {
        const count: RequestHandler = (_req, _res, next) => {
          calls++;
          next();
        };
        app.get(`/${i}`, minute, count, answer);
      });
      const { url } = await serve(app as unknown as http.RequestListener);
      const statuses: number[][] = [];
      for (let i = 0; i < answers.length; i++) {
        calls = 0;
        const two = [await get(`${url}/${i}`), await get(`${url}/${i}`)];
        statuses.push([...two.map(({ status }) => status), calls]);
      }
      expect(statuses).toEqual([
        [200, 200, 1],
        [404, 404, 2],
        [404, 404, 2],
        [404, 404, 2],
        [410, 410, 2],
      ]);
    },
  );
});
