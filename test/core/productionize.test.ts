import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { format } from 'node:util';
import compressionPackage from 'compression';
import type { ErrorRequestHandler, NextFunction, Request, RequestHandler, Response } from 'express';
import helmet from 'helmet';
import morgan from 'morgan';
import { pinoHttp } from 'pino-http';
import { conditionReport, createServer, productionize, report } from '../../src/index.js';
import { routerOf } from '../../src/support/express-layers.js';
import { Connection } from '../helpers/connection.js';
import { deferred } from '../helpers/deferred.js';
import { expressVersions } from '../helpers/express-versions.js';
import { memoryLog, quiet } from '../helpers/memory-log.js';
import { killAll, run } from '../helpers/program.js';
import { closeAll, get, serve } from '../helpers/serve.js';

afterEach(async () => {
  killAll();
  await closeAll();
});

const gzip = { headers: { 'accept-encoding': 'gzip' } };
const big = 'production '.repeat(1000);
const states = (app: Parameters<typeof report>[0]) =>
  Object.fromEntries(report(app)?.parts.map(({ name, state }) => [name, state]) ?? []);

describe.each(expressVersions)('productionize on %s', (_name, express) => {
  function addRoutes(app: ReturnType<typeof express>) {
    app.get('/big', (_req, res) => void res.send(big));
    app.get('/throws', async () => {
      throw new Error('thrown');
    });
    return app;
  }

  it.each(['before', 'after'])('covers routes added %s the line', async (place) => {
    const log = memoryLog();
    const app = express();
    if (place === 'after') productionize(app, log.options);
    addRoutes(app);
    if (place === 'before') productionize(app, log.options);
    const { url } = await serve(app);
    expect((await get(`${url}/big`, gzip)).headers['content-encoding']).toBe('gzip');
    expect((await get(`${url}/throws`)).status).toBe(500);
    const line = await log.line(({ status }) => status === 500);
    expect(line).toMatchObject({ route: '/throws', err: { message: 'thrown', stack: expect.any(String) } });
  });

  it('ends pipelined requests with their connection, the ones that wait too', async () => {
    const log = memoryLog();
    const app = productionize(express(), log.options);
    let aborted = 0;
    const arrived = deferred<void>();
    app.get('/slow/:id', (req) => {
      req.signal.addEventListener('abort', () => aborted++);
      if (req.params.id === '2') arrived.resolve();
    });
    const { port } = await serve(app);
    const client = await Connection.open(port);
    for (const id of [0, 1, 2]) await client.request(`/slow/${id}`);
    await arrived.promise;
    client.destroy();
    for (const id of [0, 1, 2]) {
      expect(await log.line(({ url }) => url === `/slow/${id}`)).toMatchObject({ outcome: 'aborted' });
    }
    expect(aborted).toBe(3);
    expect(log.lines).toHaveLength(3);
  });

  it('changes nothing when called twice', async () => {
    const log = memoryLog();
    const app = addRoutes(productionize(express(), log.options));
    const { handle, listen } = app as unknown as { handle: unknown; listen: unknown };
    expect(productionize(app)).toBe(app);
    expect({ ...app }).toMatchObject({ handle, listen });
    const { url } = await serve(app);
    await get(`${url}/big`);
    await log.line(({ status }) => status === 200);
    expect(log.lines).toHaveLength(1);
  });

  it("runs the parent's pipeline once for a productionized sub-app", async () => {
    const parent = memoryLog();
    const child = memoryLog();
    const sub = addRoutes(productionize(express(), child.options));
    const app = productionize(express(), parent.options);
    app.use('/sub', sub);
    const { url } = await serve(app);
    expect((await get(`${url}/sub/big`, gzip)).headers['content-encoding']).toBe('gzip');
    expect(await parent.line(({ status }) => status === 200)).toMatchObject({ route: '/sub/big' });
    expect([parent.lines.length, child.lines.length]).toEqual([1, 0]);
  });

  it('runs for a sub-app whose parent is plain, and passes unmatched requests to the parent', async () => {
    const log = memoryLog();
    const sub = addRoutes(productionize(express(), log.options));
    const app = express();
    app.use('/sub', sub);
    app.use((_req: Request, res: Response) => void res.status(404).send('parent'));
    app.use(((err, _req, res, _next) => void res.status(503).send(err.message)) as ErrorRequestHandler);
    const { url } = await serve(app);
    expect((await get(`${url}/sub/missing`)).text).toBe('parent');
    expect(await get(`${url}/sub/throws`)).toMatchObject({ status: 503, text: 'thrown' });
    expect(await log.line(({ status }) => status === 503)).toMatchObject({ err: { message: 'thrown' } });
  });

  it('finds compression, helmet, pino-http and an error handler, and leaves them in place', async () => {
    const theirs: string[] = [];
    const ours = memoryLog();
    const app = productionize(express(), ours.options);
    app.use(
      helmet(),
      compressionPackage(),
      pinoHttp({}, { write: (line: string) => void theirs.push(line) } as never),
    );
    addRoutes(app);
    app.use(((_err, _req, res, _next) => void res.status(500).send('own page')) as ErrorRequestHandler);
    const { url } = await serve(app);
    const answer = await get(`${url}/big`, gzip);
    expect(answer.headers).toMatchObject({ 'content-encoding': 'gzip', 'x-frame-options': 'SAMEORIGIN' });
    expect((await get(`${url}/throws`)).text).toBe('own page');
    expect(states(app)).toMatchObject({ compression: 'kept', requestLogger: 'kept', errorHandler: 'on' });
    expect(String(report(app))).toContain(
      'found compression (res.flush and res.on are replaced), left in place',
    );
    expect(String(report(app))).toContain(
      'found pino-http (res.log and its start time are set), left in place',
    );
    expect(theirs).toHaveLength(2);
    // pino-http logs the error as info
    expect(ours.lines).toMatchObject([{ level: 50, url: '/throws', err: { message: 'thrown' } }]);
  });

  it('gives a handler the function that is req.next', async () => {
    const app = productionize(express(), quiet());
    const router = express.Router();
    const same: boolean[] = [];
    const middleware: RequestHandler = (req, _res, next) => {
      same.push(req.next === next);
      next();
    };
    router.use(middleware, middleware);
    app.use('/router', middleware, router);
    app.use((req, res, next) => res.json([...same, req.next === next]));
    const { url } = await serve(app);
    expect(JSON.parse((await get(`${url}/router`)).text)).toEqual([true, true, true, true]);
  });

  it.each(['app.listen', 'createServer'])(
    "has no 'route' in req before a route matches, by %s",
    async (how) => {
      const app = productionize(express(), quiet());
      const seen: boolean[] = [];
      app.use((req, res, next) => {
        seen.push('route' in req);
        res.once('close', () => seen.push('route' in req));
        next();
      });
      app.get('/route', (_req, res) => void res.send('ok'));
      app.use('/middleware', (_req, res) => void res.send('ok'));
      const server = (how === 'app.listen' ? app : createServer(app)).listen(0);
      await once(server, 'listening');
      const { port } = server.address() as AddressInfo;
      for (const path of ['route', 'middleware', 'missing']) await get(`http://127.0.0.1:${port}/${path}`);
      server.close();
      expect(seen).toEqual([false, true, false, false, false, false]);
    },
  );

  it('finds morgan and leaves it in place', async () => {
    const app = productionize(express(), quiet());
    app.use(morgan('tiny', { stream: { write: () => {} } }));
    const { url } = await serve(app);
    await get(url);
    expect(states(app)).toMatchObject({ requestLogger: 'kept', logger: 'on' });
  });

  it('does not take functions of the app for packages because of their names', async () => {
    const log = memoryLog();
    const app = productionize(express(), log.options);
    const timed = () =>
      function logger(req: Request, res: Response, next: NextFunction) {
        res.on('finish', () => Object.assign(req, { took: 1 }));
        next();
      };
    const compression: RequestHandler = (_req, _res, next) => next();
    const helmetMiddleware: RequestHandler = (_req, _res, next) => next();
    app.use(timed(), compression, helmetMiddleware);
    addRoutes(app);
    const { url } = await serve(app);
    expect((await get(`${url}/big`, gzip)).headers['content-encoding']).toBe('gzip');
    await get(`${url}/throws`);
    expect(log.lines).toMatchObject([
      { url: '/big', status: 200 },
      { url: '/throws', status: 500, err: { message: 'thrown' } },
    ]);
    expect(states(app)).toMatchObject({ requestLogger: 'on', compression: 'on' });
  });

  it.each(['layer.handle is replaced', 'Layer.prototype has an accessor'])(
    'finds morgan and compression where agents wrap handlers: %s',
    async (how) => {
      const log = memoryLog();
      const theirs: string[] = [];
      const app = express();
      app.use((_req, _res, next) => next());
      const { stack } = routerOf(app);
      const layers = Object.getPrototypeOf(stack[0]);
      type Handler = (...args: unknown[]) => unknown;
      const wrap = (handle: Handler): Handler =>
        handle.length > 3
          ? handle
          : function wrapped(this: unknown, ...args) {
              return handle.apply(this, args);
            };
      if (how.startsWith('Layer')) {
        Object.defineProperty(layers, 'handle', {
          configurable: true,
          get() {
            return this.wrapped;
          },
          set(handle: Handler) {
            this.wrapped = wrap(handle);
          },
        });
      }
      app.use(compressionPackage(), morgan('tiny', { stream: { write: (line) => void theirs.push(line) } }));
      addRoutes(app);
      if (how.startsWith('layer')) {
        for (const layer of stack)
          if (!layer.route) (layer as { handle: unknown }).handle = wrap(layer.handle as Handler);
      }
      productionize(app, log.options);
      try {
        const { url } = await serve(app);
        expect((await get(`${url}/big`, gzip)).headers['content-encoding']).toBe('gzip');
        expect(theirs).toHaveLength(1);
        expect(log.lines).toEqual([]);
        expect(states(app)).toMatchObject({ requestLogger: 'kept', compression: 'kept' });
      } finally {
        delete layers.handle;
      }
    },
  );

  it.each([
    ['morgan', () => morgan('tiny', { stream: { write: () => {} } })],
    ['pino-http', () => pinoHttp({}, { write: () => {} } as never)],
  ])('logs an error beside %s, without the error handler of the package, too', async (_, theirs) => {
    const log = memoryLog();
    const app = productionize(express(), { ...log.options, errorHandler: false });
    app.use(theirs());
    addRoutes(app);
    app.use(((_err, _req, res, _next) => void res.status(500).send('own page')) as ErrorRequestHandler);
    const { url } = await serve(app);
    await get(`${url}/big`);
    await get(`${url}/throws`);
    expect(log.lines).toMatchObject([{ level: 50, url: '/throws', err: { message: 'thrown' } }]);
  });

  it('lets the error handler of the app win, and still logs the original error', async () => {
    const log = memoryLog();
    const app = addRoutes(productionize(express(), log.options));
    app.use(((_err, _req, res, _next) => void res.status(418).send('own')) as ErrorRequestHandler);
    const { url } = await serve(app);
    expect(await get(`${url}/throws`)).toMatchObject({ status: 418, text: 'own' });
    expect(await log.line(({ status }) => status === 418)).toMatchObject({ err: { message: 'thrown' } });
  });

  it("logs the error that the app's own handler turned into a 200", async () => {
    const log = memoryLog();
    const app = addRoutes(productionize(express(), log.options));
    app.use(((_err, _req, res, _next) => void res.send('sorry')) as ErrorRequestHandler);
    const { url } = await serve(app);
    await get(`${url}/throws`);
    expect(await log.line(({ status }) => status === 200)).toMatchObject({ err: { message: 'thrown' } });
  });

  it('does not take a result that was handed to next() for an error', async () => {
    const log = memoryLog();
    const app = productionize(express(), log.options);
    app.get('/', (_req, _res, next) => next({ pong: true }));
    app.use(((result, _req, res, _next) => void res.json(result)) as ErrorRequestHandler);
    const { url } = await serve(app);
    expect((await get(url)).text).toBe('{"pong":true}');
    expect(await log.line(({ status }) => status === 200)).not.toHaveProperty('err');
  });

  it.each(['a@b.example', 'a%40b.example', '%7Ejo', '%D0%96', "o'neil"])(
    'excludes the value %s of a mount parameter from the pattern',
    async (value) => {
      const log = memoryLog();
      const app = productionize(express(), log.options);
      const router = express.Router();
      router.get('/posts', (_req: Request, res: Response) => void res.send('ok'));
      app.use('/users/:user', router);
      const { url } = await serve(app);
      await get(`${url}/users/${value}/posts`);
      expect(await log.line(({ status }) => status === 200)).toMatchObject({ route: '/users/:user/posts' });
    },
  );

  it('logs the original path and the full pattern, mount parameters included', async () => {
    const log = memoryLog();
    const app = productionize(express(), log.options);
    const router = express.Router({ mergeParams: true });
    router.get('/posts/:post', (req: Request, res: Response, next: NextFunction) => {
      if (req.query.fail) next(new Error('x'));
      else res.send('ok');
    });
    app.use((req: Request, _res: Response, next: NextFunction) => {
      req.url = req.url.replace('/old', '/users');
      next();
    });
    app.use('/users/:user', router);
    const { url } = await serve(app);
    await get(`${url}/old/7/posts/9`);
    expect(await log.line(({ status }) => status === 200)).toMatchObject({
      url: '/old/7/posts/9',
      route: '/users/:user/posts/:post',
    });
    await get(`${url}/old/7/posts/9?fail=1`);
    expect(await log.line(({ status }) => status === 500)).toMatchObject({
      route: '/users/:user/posts/:post',
    });
  });

  it.each([
    'requestLogger',
    'logger',
    'detectSyncIo',
    'streamErrors',
    'compression',
    'bodyGuard',
    'asyncErrors',
    'errorHandler',
    'productionGuard',
    'fatalErrors',
    'loadShedding',
    'metrics',
    'deadline',
  ])('leaves no trace of %s when it is false, and the app responds', async (part) => {
    const app = productionize(express(), { ...quiet(), [part]: false });
    app.use(express.json());
    app.get('/', (_req, res) => void res.send(big));
    app.get('/throws', () => {
      throw new Error('x');
    });
    const { url } = await serve(app);
    const answer = await get(url, gzip);
    expect(answer.status).toBe(200);
    expect(answer.headers['content-encoding']).toBe(part === 'compression' ? undefined : 'gzip');
    expect((await get(`${url}/throws`)).status).toBe(500);
    expect(states(app)[part]).toBe('off');
  });

  it('refuses a Router, a NestJS application and a plain handler with a coded error', () => {
    const nest = { getHttpAdapter: () => ({}) };
    expect(() => productionize(express.Router() as never)).toThrow(/This is a Router/);
    expect(() => productionize(nest as never)).toThrow(/getHttpAdapter\(\)\.getInstance\(\)/);
    for (const wrong of [undefined, null, 'app', () => {}, {}]) {
      expect(() => productionize(wrong as never)).toThrow(/ERR_PRODUCTIONIZE_APP/);
    }
  });

  it('gives a report that console.log and String print as a list, and JSON as data', () => {
    const app = productionize(express(), quiet());
    const printed = format(report(app));
    expect(printed).toMatch(/^express-productionize on Express [45], NODE_ENV=test\n {2}✔ productionGuard/);
    expect(String(report(app))).toBe(printed);
    expect(Object.keys(JSON.parse(JSON.stringify(report(app))))).toEqual(Object.keys({ ...report(app) }));
    expect(conditionReport(app)).toEqual(report(app));
  });

  it('names a wrong option before anything is attached', () => {
    const app = express();
    expect(() => productionize(app, { compresion: false } as never)).toThrow(/unknown option 'compresion'/);
    expect(() => productionize(app, { compression: 'gzip' } as never)).toThrow(
      /expected `compression` to be/,
    );
    expect(report(app)).toBeUndefined();
  });

  it('calls a listen that another package put on the app', async () => {
    const app = express();
    const kept = jest.fn(() => app);
    (app as { listen: unknown }).listen = kept;
    const server = await serve((_req, res) => res.end());
    kept.mockReturnValue(server.server as never);
    productionize(app, quiet());
    expect(app.listen(0)).toBe(server.server);
    expect(kept).toHaveBeenCalledWith(0);
  });

  it('serves apps that are handed to http.createServer, with req and res of the app', async () => {
    const app = productionize(express(), quiet());
    (app.request as unknown as { answer(): number }).answer = () => 42;
    app.get(
      '/',
      (req, res) =>
        void res.json([(req as never as { answer(): number }).answer(), req.app === app, res.app === app]),
    );
    const { url } = await serve(app);
    expect((await get(url)).text).toBe('[42,true,true]');
  });
});

describe.each(['express4', 'express'])('two copies of the package with %s', (expressName) => {
  it('patch once and write one line', async () => {
    const program = run('two-copies.mjs', { args: [expressName] });
    const port = await program.port();
    expect((await get(`http://127.0.0.1:${port}/sub/throws`)).status).toBe(500);
    const line = JSON.parse(await program.line(/"status":500/));
    expect(line).toMatchObject({ route: '/sub/throws', err: { message: 'thrown' } });
    program.child.kill();
    await program.exit();
    expect(program.out.filter((line) => line.includes('"status"'))).toHaveLength(1);
  });
});
