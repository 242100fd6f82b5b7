import http from 'node:http';
import { Readable } from 'node:stream';
import type { ErrorRequestHandler, NextFunction, Request, Response } from 'express';
import session from 'express-session';
import helmet from 'helmet';
import morgan from 'morgan';
import { pinoHttp } from 'pino-http';
import { type ProductionizeOptions, productionize } from '../../src/index.js';
import { deferred } from '../helpers/deferred.js';
import { type Express, expressVersions } from '../helpers/express-versions.js';
import { type Line, memoryLog } from '../helpers/memory-log.js';
import { loggerTo } from '../helpers/part-logger.js';
import { closeAll, get, serve } from '../helpers/serve.js';

afterEach(closeAll);

const nowhere = { write: () => true };

const own: ErrorRequestHandler = (error, _req, res, next) =>
  res.headersSent ? next(error) : void res.sendStatus(500);

/** Calls next() for a rejection and returns the promise too, as express-async-errors does. */
function asPackageDoes(handler: () => Promise<unknown>) {
  return (_req: Request, _res: Response, next: NextFunction) => {
    const promise = handler();
    promise.catch((error) => next(error));
    return promise;
  };
}

describe.each(expressVersions)(
  'the log of an app with routers, helmet and sessions on %s',
  (_name, express) => {
    /** An app as people write them, with the middleware given in front of its routes. */
    async function start(
      options: ProductionizeOptions,
      routes: (router: ReturnType<typeof express.Router>, app: Express) => void,
      middleware: unknown[] = [],
    ) {
      const log = memoryLog();
      const app = express();
      app.use(helmet(), session({ secret: 'x', resave: false, saveUninitialized: false }));
      for (const each of middleware) app.use(each as never);
      const router = express.Router();
      app.use('/api', router);
      routes(router, app);
      productionize(app, { ...log.options, ...options });
      const { url, server } = await serve(app);
      /** The lines that contain an error, once a request that follows them has been logged. */
      const errors = async (): Promise<Line[]> => {
        await new Promise((resolve) => setImmediate(resolve));
        return log.lines.filter(({ err }) => err !== undefined);
      };
      return { url: `${url}/api`, server, log, errors };
    }

    const settings: [string, ProductionizeOptions, unknown[]][] = [
      ['the request logger', {}, []],
      ['requestLogger: false', { requestLogger: false }, []],
      ['morgan', {}, [morgan('tiny', { stream: nowhere })]],
      ['pino-http', {}, [pinoHttp({}, nowhere)]],
      [
        'options that are functions',
        { requestLogger: morgan('tiny', { stream: nowhere }), errorHandler: own },
        [],
      ],
    ];

    describe.each(settings)('with %s', (_what, options, middleware) => {
      it('contains each error that occurs before or after the response once, as error, with its stack', async () => {
        const late = deferred();
        const { url, log } = await start(
          options,
          (router) => {
            router.get('/thrown', () => {
              throw new Error('thrown');
            });
            router.get('/rejected', async () => {
              throw new Error('rejected');
            });
            router.get('/passed', (_req, _res, next) => next(new Error('passed')));
            router.get('/stream', (_req, res) => {
              const source = new Readable({
                read() {
                  this.destroy(new Error('stream'));
                },
              });
              source.pipe(res);
            });
            router.get('/thrown-after', (_req, res) => {
              res.send('ok');
              throw new Error('thrown-after');
            });
            router.get('/rejected-after', async (_req, res) => {
              res.send('ok');
              throw new Error('rejected-after');
            });
            router.get('/rejected-late', async (_req, res) => {
              res.send('ok');
              await late.promise;
              throw new Error('rejected-late');
            });
            router.get('/passed-late', (_req, res, next) => {
              res.send('ok');
              void late.promise.then(() => next(new Error('passed-late')));
            });
            router.get('/twice', (_req, res) => {
              res.json({ first: true });
              res.json({ second: true });
            });
            router.use('/after-next', async (_req, _res, next) => {
              next();
              await late.promise;
              throw new Error('after-next');
            });
            router.get('/after-next', (_req, res) => void res.send('ok'));
          },
          middleware,
        );
        const paths = ['thrown', 'rejected', 'passed', 'stream'];
        const after = [
          'thrown-after',
          'rejected-after',
          'rejected-late',
          'passed-late',
          'after-next',
          'twice',
        ];
        for (const path of paths) expect((await get(`${url}/${path}`)).status).toBe(500);
        for (const path of after) expect((await get(`${url}/${path}`)).status).toBe(200);
        late.resolve();
        for (const path of [...paths, ...after]) {
          const message =
            path === 'twice' ? /Cannot set headers after they are sent/ : new RegExp(`^${path}$`);
          await log.line(({ err }) => message.test(err?.message));
          const found = log.lines.filter(({ err }) => message.test(err?.message));
          expect(found).toEqual([
            expect.objectContaining({
              level: 50,
              method: 'GET',
              url: `/api/${path}`,
              err: expect.objectContaining({ stack: expect.stringContaining('\n    at ') }),
            }),
          ]);
        }
        expect(log.lines.find(({ url }) => url === '/api/twice')?.err.code).toBe('ERR_HTTP_HEADERS_SENT');
      });

      it('contains no error for the abort by a client', async () => {
        const reached = deferred<Request>();
        const closed = deferred();
        const done = deferred();
        const { url, errors } = await start(
          options,
          (router) => {
            router.get('/', async (req, res) => {
              res.write('half');
              res.once('close', () => closed.resolve());
              reached.resolve(req);
              await closed.promise;
              setImmediate(() => done.resolve());
              (req as unknown as { signal: AbortSignal }).signal.throwIfAborted();
            });
          },
          middleware,
        );
        const request = http.get(url).on('error', () => {});
        await reached.promise;
        request.destroy();
        await done.promise;
        expect((await errors()).filter(({ level }) => level >= 40)).toEqual([]);
      });
    });

    it('contains the error of an error handler, too, and one line where it names its cause', async () => {
      const { url, log } = await start({}, (router) => {
        router.get('/:how', () => {
          throw new Error('first');
        });
        router.use(((error, req, _res, next) => {
          const cause = req.path === '/caused' ? { cause: error } : {};
          next(new Error('second', cause));
        }) as ErrorRequestHandler);
      });
      await get(`${url}/caused`);
      const line = await log.line(({ err }) => err?.message === 'second');
      expect(line.err.cause.message).toBe('first');
      expect(log.lines.filter(({ err }) => err)).toHaveLength(1);
      await get(`${url}/other`);
      const lines = log.lines.filter(({ err }) => err).slice(1);
      expect(lines.map(({ level, msg, err }) => [level, msg, err.message])).toEqual([
        [50, 'GET /api/:how 500', 'first'],
        [50, 'GET /api/:how: another error', 'second'],
      ]);
    });

    it('passes the error to pino-http on res.err', async () => {
      const lines: Line[] = [];
      const destination = { write: (text: string) => void lines.push(JSON.parse(text)) };
      const { url } = await start(
        {},
        (router) => {
          router.get('/', () => {
            throw new Error('boom');
          });
          router.get('/missing', (_req, _res, next) =>
            next(Object.assign(new Error('no cow'), { status: 404 })),
          );
        },
        [pinoHttp({ customLogLevel: (_req, res) => (res.err ? 'error' : 'info') }, destination)],
      );
      await get(url);
      await get(`${url}/missing`);
      expect(lines).toMatchObject([{ level: 50, err: { message: 'boom' } }, { level: 30 }]);
    });

    it('contains one line for a rejection that a package passes to next as well', async () => {
      const { url, errors } = await start({}, (router) => {
        router.get(
          '/error',
          asPackageDoes(async () => {
            throw new Error('boom');
          }),
        );
        router.use(
          '/falsy',
          asPackageDoes(async () => {
            throw undefined;
          }),
        );
        router.get('/falsy', (_req, res) => void res.send('secret'));
        router.get(
          '/good',
          (_req, _res, next) => next(null),
          (_req: Request, res: Response) => void res.send('good'),
        );
      });
      expect((await get(`${url}/error`)).status).toBe(500);
      expect(await get(`${url}/falsy`)).toMatchObject({ status: 500 });
      expect(await get(`${url}/good`)).toMatchObject({ status: 200, text: 'good' });
      expect((await errors()).map(({ err }) => err.message)).toEqual(['boom', 'Rejected promise']);
    });

    it('passes errors to the logger of errorHandler, or prints them, where there is no other log', async () => {
      const printed = jest.spyOn(console, 'error').mockReturnValue(undefined);
      const logged: string[] = [];
      const logger = loggerTo(({ err }: { err: Error }) => logged.push(err.message));
      const routes = (router: ReturnType<typeof express.Router>, app: Express) => {
        app.set('env', 'production');
        router.get('/:how', async ({ params }: Request) => {
          throw new Error(params.how as string);
        });
      };
      const named = await start({ requestLogger: false, errorHandler: { logger } }, routes);
      expect((await get(`${named.url}/named`)).status).toBe(500);
      expect(logged).toEqual(['named']);
      expect(printed).not.toHaveBeenCalled();
      for (const options of [
        { logger: false },
        {
          logger: false,
          errorHandler: ((_err, _req, res, _next) => void res.sendStatus(500)) as ErrorRequestHandler,
        },
        { logger: false, requestLogger: morgan('tiny', { stream: nowhere }) },
      ]) {
        const { url } = await start(options, routes);
        expect((await get(`${url}/printed`)).status).toBe(500);
        expect(printed.mock.calls).toEqual([[expect.stringMatching(/^Error: printed\n {4}at /)]]);
        printed.mockClear();
      }
      printed.mockRestore();
    });
  },
);
