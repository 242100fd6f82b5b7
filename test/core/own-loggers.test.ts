import { once } from 'node:events';
import http from 'node:http';
import { Writable } from 'node:stream';
import bunyan from 'bunyan';
import type { ErrorRequestHandler, Request } from 'express';
import session from 'express-session';
import helmet from 'helmet';
import { pino } from 'pino';
import { pino as pino8 } from 'pino-8';
import { pino as pino9 } from 'pino-9';
import winston from 'winston';
import {
  errorHandler,
  type PartLogger,
  productionize,
  report,
  requestContext,
  requestLogger,
} from '../../src/index.js';
import { deferred } from '../helpers/deferred.js';
import { type Express, expressVersions } from '../helpers/express-versions.js';
import { type Line, memoryLog } from '../helpers/memory-log.js';
import { closeAll, get, serve } from '../helpers/serve.js';

afterEach(closeAll);

type Log = ReturnType<typeof memoryLog>;

/** Calls `req.log.info` in the way of its logger. */
function logIn({ log }: Request, fields: object, message: string): void {
  if ('transports' in log) (log as unknown as winston.Logger).info(message, fields);
  else log.info(fields, message);
}

/** A logger as an app makes it, and how its lines name a level and a message. */
interface Own {
  readonly logger: PartLogger;
  readonly levels: { readonly info: unknown; readonly warn: unknown; readonly error: unknown };
  readonly message: string;
}

const asPino = { levels: { info: 30, warn: 40, error: 50 }, message: 'msg' };

function winstonTo(log: Log): winston.Logger {
  const stream = new Writable({
    write(chunk, _encoding, callback) {
      log.destination.write(String(chunk));
      callback();
    },
  });
  return winston.createLogger({
    level: 'silly',
    format: winston.format.combine(winston.format.splat(), winston.format.json()),
    transports: [new winston.transports.Stream({ stream })],
  });
}

function bunyanTo(log: Log): bunyan {
  return bunyan.createLogger({
    name: 'app',
    level: 'trace',
    serializers: bunyan.stdSerializers,
    stream: log.destination as never,
  });
}

const loggers: [name: string, kind: string, make: (log: Log) => Own][] = [
  ['pino 10', 'pino', (log) => ({ ...asPino, logger: pino({ level: 'trace' }, log.destination) })],
  ['pino 9', 'pino', (log) => ({ ...asPino, logger: pino9({ level: 'trace' }, log.destination) })],
  ['pino 8', 'pino', (log) => ({ ...asPino, logger: pino8({ level: 'trace' }, log.destination) })],
  ['bunyan', 'bunyan', (log) => ({ ...asPino, logger: bunyanTo(log) })],
  [
    'winston',
    'winston',
    (log) => ({
      logger: winstonTo(log),
      levels: { info: 'info', warn: 'warn', error: 'error' },
      message: 'message',
    }),
  ],
];

describe.each(expressVersions)('an app with its own logger on %s', (_version, express) => {
  /** Routers, parameters, helmet and sessions, as people mount them. */
  function addRoutes(app: Express): void {
    app.use(helmet(), session({ secret: 'x', resave: false, saveUninitialized: false }));
    const users = express.Router();
    users.param('id', (req, _res, next, id) => {
      (req as Request & { user?: unknown }).user = { id };
      next();
    });
    users.get('/:id', (req, res) => {
      logIn(req, { seen: req.params.id }, 'in the handler');
      res.json({ id: req.params.id });
    });
    users.get('/:id/fails', () => {
      throw Object.assign(new Error('down 100%d'), { cause: new Error('refused'), config: 'Bearer x' });
    });
    users.get('/:id/endless', (_req, res) => {
      res.write('begin');
    });
    app.use('/users', users);
  }

  describe.each(loggers)('%s', (_name, kind, make) => {
    const ways: [string, (app: Express, logger: PartLogger) => void][] = [
      [
        'productionize',
        (app, logger) => {
          productionize(app, { logger });
          addRoutes(app);
        },
      ],
      [
        'the parts',
        (app, logger) => {
          app.use(requestContext(), requestLogger({ logger }));
          addRoutes(app);
          app.use(errorHandler() as ErrorRequestHandler);
        },
      ],
    ];

    describe.each(ways)('with %s', (_way, use) => {
      async function start() {
        const log = memoryLog();
        const own = make(log);
        const app = express();
        use(app, own.logger);
        const { url } = await serve(app);
        const lineOf = (path: string): Promise<Line> =>
          log.line((line) => line.url === path && line.durationMs !== undefined);
        return { url, log, lineOf, ...own };
      }

      it('logs a successful request at info, and the lines of its handler with its id', async () => {
        const { url, log, lineOf, levels, message } = await start();
        const { headers } = await get(`${url}/users/7`);
        const line = await lineOf('/users/7');
        expect(line).toMatchObject({ level: levels.info, status: 200, outcome: 'completed' });
        expect(line).toMatchObject({ route: '/users/:id', [message]: 'GET /users/:id 200' });
        expect(line.reqId).toBe(headers['x-request-id']);
        const inside = await log.line(({ seen }) => seen === '7');
        expect(inside).toMatchObject({ level: levels.info, reqId: line.reqId });
      });

      it('logs a 404 at warn', async () => {
        const { url, lineOf, levels } = await start();
        await get(`${url}/nothing`);
        expect(await lineOf('/nothing')).toMatchObject({ level: levels.warn, status: 404 });
      });

      it('logs an error once at error, with stack and cause, and no other property', async () => {
        const { url, log, lineOf, levels, message } = await start();
        const { status } = await get(`${url}/users/7/fails`);
        expect(status).toBe(500);
        const line = await lineOf('/users/7/fails');
        expect(line).toMatchObject({ level: levels.error, status: 500, outcome: 'completed' });
        expect(line[message]).toMatch(/^GET .*\/:id\/fails 500$/);
        expect(line.err).toMatchObject({
          type: 'Error',
          message: 'down 100%d',
          cause: { message: 'refused' },
        });
        expect(line.err.stack).toContain('own-loggers.test');
        if (kind === 'winston') expect(line.stack).toBe(line.err.stack);
        expect(log.lines.filter(({ err }) => err !== undefined)).toHaveLength(1);
        expect(JSON.stringify(log.lines)).not.toContain('Bearer');
      });

      it('logs a request whose client disconnected as aborted at info', async () => {
        const { url, lineOf, levels } = await start();
        const request = http.get(`${url}/users/7/endless`, { agent: false }).on('error', () => {});
        const [response] = await once(request, 'response');
        response.on('error', () => {});
        await once(response, 'data');
        request.destroy();
        expect(await lineOf('/users/7/endless')).toMatchObject({
          level: levels.info,
          status: null,
          outcome: 'aborted',
        });
      });

      it('has no field without a value', async () => {
        const { url, lineOf } = await start();
        await get(`${url}/nothing`);
        expect(Object.values(await lineOf('/nothing'))).not.toContain(undefined);
      });
    });

    it('is named in the report', () => {
      const app = productionize(express(), { logger: make(memoryLog()).logger });
      const part = report(app)?.parts.find(({ name }) => name === 'logger');
      expect(part).toMatchObject({ state: 'on', facts: { logger: `the app's own ${kind}` }, options: {} });
    });
  });

  it('serves though every method of the logger throws, and a warning reports the lost lines', async () => {
    const broken = () => {
      throw new Error('the disk is full');
    };
    const methods = ['child', 'info', 'warn', 'error', 'isLevelEnabled', 'flush'];
    const logger = Object.fromEntries(methods.map((name) => [name, broken])) as never;
    const warning = jest.spyOn(process, 'emitWarning').mockImplementation(() => {});
    const app = express();
    productionize(app, { logger });
    addRoutes(app);
    const { url } = await serve(app);
    expect((await get(`${url}/users/7`)).text).toBe('{"id":"7"}');
    expect((await get(`${url}/users/7/fails`)).status).toBe(500);
    await closeAll();
    expect(warning).toHaveBeenCalledWith(
      expect.stringContaining('the disk is full'),
      expect.objectContaining({ code: 'ERR_PRODUCTIONIZE_LOG_LINE' }),
    );
    warning.mockRestore();
  });

  it('has req.log also where the logger has no children', async () => {
    const calls: unknown[][] = [];
    const written = deferred();
    const record =
      (level: string) =>
      (...args: unknown[]) => {
        if (calls.push([level, ...args]) === 4) written.resolve();
      };
    const app = express();
    productionize(app, { logger: { info: record('info'), warn: record('warn'), error: record('error') } });
    const failure = new Error('no');
    app.get('/', (req, res) => {
      req.log.info({ a: 1 }, 'fields and %s', 'message');
      req.log.warn('only a message');
      req.log.child({ b: 2 }).error(failure);
      req.log.debug('without a method for it');
      res.send('ok');
    });
    const { url } = await serve(app);
    const reqId = (await get(url)).headers['x-request-id'];
    await written.promise;
    expect(calls).toEqual([
      ['info', { reqId, a: 1 }, 'fields and message'],
      ['warn', { reqId }, 'only a message'],
      ['error', { reqId, b: 2, err: expect.objectContaining({ message: 'no', type: 'Error' }) }, 'no'],
      ['info', expect.objectContaining({ reqId, status: 200 }), 'GET / 200'],
    ]);
    expect(report(app)?.parts.find(({ name }) => name === 'logger')?.facts).toEqual({
      logger: "the app's own",
    });
  });
});
