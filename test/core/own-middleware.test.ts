import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import compression from 'compression';
import type { ErrorRequestHandler, NextFunction, Request, RequestHandler, Response } from 'express';
import session from 'express-session';
import helmet from 'helmet';
import morgan from 'morgan';
import { pinoHttp } from 'pino-http';
import { type ProductionizeOptions, productionize, report, restoreApp } from '../../src/index.js';
import { type Express, expressVersions } from '../helpers/express-versions.js';
import { memoryLog, quiet } from '../helpers/memory-log.js';
import { closeAll, get, serve } from '../helpers/serve.js';

const root = mkdtempSync(path.join(tmpdir(), 'own-middleware-'));
writeFileSync(path.join(root, 'site.css'), 'p { margin: 0 }\n'.repeat(200));
afterAll(() => rmSync(root, { recursive: true }));
afterEach(closeAll);

const gzip = { headers: { 'accept-encoding': 'gzip' } };
const text = 'x'.repeat(3000);

/** Request loggers that apps pass, each of which writes its lines to a function. */
const requestLoggers: [name: string, create: (write: (line: string) => void) => RequestHandler][] = [
  ['morgan', (write) => morgan(':method :url :status', { stream: { write } })],
  ['pino-http', (write) => pinoHttp({}, { write })],
];

/** A middleware that records that it ran. */
const step =
  (name: string, order: string[]): RequestHandler =>
  (_req, _res, next) => {
    order.push(name);
    next();
  };

const partOf = (app: Express, name: string) => report(app)?.parts.find((part) => part.name === name);

describe.each(expressVersions)('an option that is a function of the app, on %s', (_name, express) => {
  /** Adds helmet, sessions, static files and a router with parameters, as apps do. */
  function addRoutes(app: Express): Express {
    const router = express.Router({ mergeParams: true });
    router.param('thing', (_req, _res, next) => next());
    router.get('/:thing', async (req: Request, res: Response) => res.json({ ...req.params, text }));
    router.get('/:thing/broken', async () => {
      throw Object.assign(new Error('the database is down'), { code: 'EDOWN' });
    });
    app.use(helmet(), session({ secret: 'secret', resave: false, saveUninitialized: false }));
    app.use('/files', express.static(root));
    app.use('/areas/:area', router);
    return app;
  }

  describe.each([
    ['before its routes', (options: ProductionizeOptions) => addRoutes(productionize(express(), options))],
    ['after its routes', (options: ProductionizeOptions) => productionize(addRoutes(express()), options)],
  ])('with productionize %s', (_when, start) => {
    it('compresses routes and static files by the compression package only', async () => {
      const seen: string[] = [];
      const filter = (req: Request, res: Response) => {
        seen.push(req.originalUrl);
        return compression.filter(req, res);
      };
      const app = start({ ...quiet(), compression: compression({ filter }) });
      const { url } = await serve(app);
      const zstd = { headers: { 'accept-encoding': 'zstd' } };
      for (const at of ['/areas/1/2', '/files/site.css']) {
        expect((await get(url + at, gzip)).headers['content-encoding']).toBe('gzip');
        expect((await get(url + at, zstd)).headers['content-encoding']).toBeUndefined();
      }
      expect(seen).toEqual(['/areas/1/2', '/areas/1/2', '/files/site.css', '/files/site.css']);
    });

    it.each(requestLoggers)(
      'logs each request once by %s, and its error once as error in our log',
      async (_, create) => {
        const theirs: string[] = [];
        const log = memoryLog();
        const app = start({ ...log.options, requestLogger: create((line) => void theirs.push(line)) });
        const { url } = await serve(app);
        for (const at of ['/areas/1/2', '/files/site.css', '/areas/1/2/broken', '/nothing'])
          await get(url + at);
        expect(theirs).toHaveLength(4);
        expect(theirs[2]).toContain('500');
        expect(log.lines).toMatchObject([
          { level: 50, route: '/areas/:area/:thing/broken', err: { code: 'EDOWN' } },
        ]);
      },
    );

    it('passes errors to the error handler of the option, and logs each once', async () => {
      const log = memoryLog();
      const own: ErrorRequestHandler = (err, _req, res, next) => {
        if (res.headersSent) return next(err);
        res.status(503).json({ code: err.code });
      };
      const { url } = await serve(start({ ...log.options, errorHandler: own }));
      expect(await get(`${url}/areas/1/2/broken`)).toMatchObject({ status: 503, text: '{"code":"EDOWN"}' });
      expect((await get(`${url}/nothing`)).status).toBe(404);
      expect(log.lines.map(({ level, status, err }) => [level, status, err?.message])).toEqual([
        [50, 503, 'the database is down'],
        [40, 404, undefined],
      ]);
    });

    it.each(requestLoggers)(
      'logs an error once where all three are of the app, beside %s',
      async (_, create) => {
        const log = memoryLog();
        const theirs: string[] = [];
        const app = start({
          ...log.options,
          compression: compression(),
          requestLogger: create((line) => void theirs.push(line)),
          errorHandler: ((_err, _req, res, _next) => void res.send(text)) as ErrorRequestHandler,
        });
        const { url } = await serve(app);
        expect(await get(`${url}/areas/1/2/broken`, gzip)).toMatchObject({
          status: 200,
          headers: { 'content-encoding': 'gzip' },
        });
        expect(log.lines).toMatchObject([
          { level: 50, status: 200, err: { message: 'the database is down' } },
        ]);
        expect(log.lines[0]?.err.stack).toContain('own-middleware.test');
        expect(theirs).toHaveLength(1);
      },
    );
  });

  it('runs in the order of the parts, before the routes, until the app is restored', async () => {
    const order: string[] = [];
    const app = express();
    app.use(step('route', order));
    productionize(app, {
      ...quiet(),
      compression: step('compression', order),
      requestLogger: step('log', order),
    });
    app.use(step('later', order));
    const { url } = await serve(addRoutes(app));
    await get(`${url}/areas/1/2`);
    expect(order.splice(0)).toEqual(['log', 'compression', 'route', 'later']);
    restoreApp(app);
    await get(`${url}/areas/1/2`);
    expect(order.splice(0)).toEqual(['route', 'later']);
    productionize(app, { ...quiet(), requestLogger: step('again', order) });
    await get(`${url}/areas/1/2`);
    expect(order).toEqual(['again', 'route', 'later']);
  });

  it('receives requests with their path, their query and the methods of Express', async () => {
    const seen: unknown[] = [];
    const requestLogger: RequestHandler = (req, res, next) => {
      seen.push([req.path, req.query.q, req.get('host') !== undefined, typeof res.status, req.app === app]);
      next();
    };
    const app: Express = addRoutes(productionize(express(), { ...quiet(), requestLogger }));
    const { url } = await serve(app);
    await get(`${url}/areas/1/2?q=3`);
    expect(seen).toEqual([['/areas/1/2', '3', true, 'function', true]]);
  });

  it('runs before the cache: hits are logged and compressed, and one stored response serves each encoding', async () => {
    const theirs: string[] = [];
    const app = productionize(express(), {
      ...quiet(),
      cache: true,
      compression: compression(),
      requestLogger: morgan(':url', { stream: { write: (line) => void theirs.push(line.trim()) } }),
    });
    let calls = 0;
    app.get('/cached', (_req, res) => {
      calls++;
      res.set('cache-control', 'public, max-age=60').send(text);
    });
    const { url } = await serve(app);
    const encoded = await get(`${url}/cached`, gzip);
    const hit = await get(`${url}/cached`, gzip);
    const plain = await get(`${url}/cached`);
    expect(encoded.headers['content-encoding']).toBe('gzip');
    expect(hit.headers).toMatchObject({
      'content-encoding': 'gzip',
      'cache-status': expect.stringMatching(/; hit/),
    });
    expect(plain).toMatchObject({ text, headers: { 'cache-status': expect.stringMatching(/; hit/) } });
    expect(calls).toBe(1);
    expect(theirs).toEqual(['/cached', '/cached', '/cached']);
  });

  it('runs once for a request to a mounted app, whether that is productionized or not', async () => {
    const order: string[] = [];
    const app = productionize(express(), { ...quiet(), requestLogger: step('outer', order) });
    app.use('/plain', addRoutes(express()));
    app.use('/sub', addRoutes(productionize(express(), { ...quiet(), requestLogger: step('inner', order) })));
    const { url } = await serve(app);
    for (const at of ['/plain/areas/1/2', '/sub/areas/1/2']) {
      expect((await get(url + at)).status).toBe(200);
      expect(order.splice(0)).toEqual(['outer']);
    }
  });

  it('logs once by the option and once by the app where both have morgan', async () => {
    const lines: string[] = [];
    const to = (name: string) => morgan(name, { stream: { write: (line) => void lines.push(line.trim()) } });
    const app = productionize(express(), { ...quiet(), requestLogger: to('option') });
    app.use(to('app'));
    const { url } = await serve(addRoutes(app));
    await get(`${url}/areas/1/2`);
    expect(lines.sort()).toEqual(['app', 'option']);
    expect(partOf(app, 'requestLogger')?.state).toBe('on');
  });

  it.each([
    [
      'throws',
      () => {
        throw new Error('in the middleware');
      },
    ],
    [
      'rejects',
      async () => {
        throw new Error('in the middleware');
      },
    ],
    ['calls next with an error', (next: NextFunction) => next(new Error('in the middleware'))],
  ])('passes the error of a middleware that %s to the error handlers of the app', async (_, fail) => {
    const log = memoryLog();
    const requestLogger: RequestHandler = (_req, _res, next) => fail(next);
    const app = addRoutes(productionize(express(), { ...log.options, requestLogger }));
    app.use(
      ((err, _req, res, _next) => void res.status(500).send(`own: ${err.message}`)) as ErrorRequestHandler,
    );
    const { url } = await serve(app);
    expect(await get(`${url}/areas/1/2`)).toMatchObject({ status: 500, text: 'own: in the middleware' });
    expect(log.lines).toMatchObject([{ level: 50, err: { message: 'in the middleware' } }]);
  });

  describe.each([[true], [false]])('with asyncErrors: %s', (asyncErrors) => {
    it.each<[string, ErrorRequestHandler, string[]]>([
      ['calls next', (_e, _q, _s, next) => next(), []],
      ['calls next with the error', (e, _q, _s, next) => next(e), []],
      [
        'throws',
        (_e, _q, _s, _n) => {
          throw new Error('in the handler');
        },
        ['in the handler'],
      ],
      [
        'rejects',
        async (_e, _q, _s, _n) => {
          throw new Error('in the handler');
        },
        ['in the handler'],
      ],
    ])('responds with 500 and logs every error where the error handler %s', async (_, own, further) => {
      const log = memoryLog();
      const app = productionize(express(), { ...log.options, asyncErrors, errorHandler: own });
      app.set('env', 'production');
      app.get('/broken', (_req, _res, next) => next(new Error('the database is down')));
      const { url } = await serve(app);
      const answer = await get(`${url}/broken`);
      expect(answer.status).toBe(500);
      expect(answer.text).not.toMatch(/the database|in the handler/);
      expect(log.lines.map(({ level, err }) => [level, err?.message])).toEqual(
        ['the database is down', ...further].map((message) => [50, message]),
      );
    });
  });

  it('gives an error handler the request as a router does', async () => {
    const own: ErrorRequestHandler = (err, req, res, next) => {
      const { params, baseUrl, url, originalUrl, route } = req;
      const sameNext = req.next === next || req.next?.name === next.name;
      res.json({ message: err.message, params, baseUrl, url, originalUrl, route: route?.path, sameNext });
    };
    const failing = (app: Express) =>
      app.use(
        '/items/:item',
        express.Router({ mergeParams: true }).get('/:part', () => {
          throw new Error('broken');
        }),
      );
    const plain = failing(express()).use(own);
    const ours = failing(productionize(express(), { ...quiet(), errorHandler: own }));
    const path = '/items/1/2?a=1';
    const texts = await Promise.all(
      [plain, ours].map(async (app) => (await get((await serve(app)).url + path)).text),
    );
    expect(JSON.parse(texts[1] as string)).toEqual(JSON.parse(texts[0] as string));
    expect(texts[0]).toContain('"params":{}');
  });

  it('responds by the error handlers of the router first', async () => {
    const app = addRoutes(
      productionize(express(), {
        ...quiet(),
        errorHandler: (_err, _req, res, _next) => void res.status(500).send('option'),
      }),
    );
    app.use(
      '/areas',
      ((_err, _req, res, _next) => void res.status(500).send('router')) as ErrorRequestHandler,
    );
    app.get('/broken', () => {
      throw new Error('x');
    });
    const { url } = await serve(app);
    expect((await get(`${url}/areas/1/2/broken`)).text).toBe('router');
    expect((await get(`${url}/broken`)).text).toBe('option');
  });

  it('is added by the router of the app, so that agents that replace handlers there replace these, too', async () => {
    const app = express();
    let routers = Object.getPrototypeOf(express.Router()) as { use: (...args: unknown[]) => unknown };
    while (!Object.hasOwn(routers, 'use')) routers = Object.getPrototypeOf(routers);
    const added: unknown[] = [];
    const { use } = routers;
    const spy = jest.spyOn(routers, 'use').mockImplementation(function (this: unknown, ...args) {
      added.push(...args.map((arg) => (arg as RequestHandler).name));
      return use.apply(this, args);
    });
    productionize(app, {
      ...quiet(),
      compression: compression(),
      requestLogger: morgan('tiny', { stream: { write() {} } }),
      errorHandler: function ownHandler(_err, _req, res, _next) {
        res.end();
      },
    });
    const { url } = await serve(app);
    await get(url);
    spy.mockRestore();
    expect(added).toEqual(expect.arrayContaining(['logger', 'compression', 'ownHandler']));
  });

  it('is named in the report, before and after the first request', async () => {
    const app = addRoutes(
      productionize(express(), {
        ...quiet(),
        compression: compression(),
        requestLogger: (_req, _res, next) => next(),
        errorHandler: function respond(_err, _req, res, _next) {
          res.end();
        },
      }),
    );
    const { url } = await serve(app);
    for (let request = 0; request < 2; request++) {
      expect(
        String(report(app))
          .split('\n')
          .map((line) => line.trim()),
      ).toEqual(
        expect.arrayContaining([
          "✔ compression       on    in the place of ours, before the routes (middleware: the app's own function compression)",
          "✔ requestLogger     on    in the place of ours, before the routes (middleware: the app's own function requestLogger)",
          "✔ errorHandler      on    behind all error handlers of the app; the app's own response comes first (handler: the app's own function respond)",
        ]),
      );
      await get(`${url}/areas/1/2`);
    }
  });
});

describe('an option that expects a function of the app', () => {
  const [, [, express]] = expressVersions as [never, (typeof expressVersions)[number]];
  const start = (options: object) => () => productionize(express(), options as never);
  const middleware = /middleware with the parameters \(req, res, next\), such as `/;
  const handler = /error handler with the parameters \(error, req, res, next\), got a function/;

  it.each<[string, object, RegExp]>([
    ['a factory without its parentheses', { compression }, middleware],
    ['a factory without its parentheses', { requestLogger: morgan }, middleware],
    ['a factory without its parentheses', { requestLogger: pinoHttp }, middleware],
    ['a function without parameters', { requestLogger: () => {} }, middleware],
    ['an array', { compression: [compression()] }, middleware],
    ['a name, as in a configuration file', { requestLogger: 'morgan' }, middleware],
    ['an error handler', { compression: (_e: 1, _q: 2, _s: 3, _n: 4) => {} }, middleware],
    ['a middleware', { errorHandler: (_q: 1, _s: 2, _n: 3) => {} }, handler],
  ])('refuses %s: %p', (_, options, message) => {
    expect(start(options)).toThrow(message);
    expect(start(options)).toThrow(expect.objectContaining({ code: 'ERR_PRODUCTIONIZE_OPTION' }));
  });
});
