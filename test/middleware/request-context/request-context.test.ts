import type { NextFunction, Request, Response } from 'express';
import helmet from 'helmet';
import {
  createLogger,
  currentRequest,
  productionize,
  requestContext,
  requestLogger,
} from '../../../src/index.js';
import { deferred } from '../../helpers/deferred.js';
import { expressVersions } from '../../helpers/express-versions.js';
import { memoryLog } from '../../helpers/memory-log.js';
import { closeAll, get, serve } from '../../helpers/serve.js';

afterEach(closeAll);

const trace = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';

describe.each(expressVersions)('requestContext on %s', (_name, express) => {
  function app(options?: Parameters<typeof requestContext>[0]) {
    const app = express();
    app.use(requestContext(options));
    app.get('/id', (req, res) => void res.send(req.id));
    app.get('/trace', (_req, res) => void res.json(currentRequest()?.trace ?? null));
    app.get('/child', (_req, res) => void res.send(currentRequest()?.trace?.child()));
    return app;
  }

  it('replaces a request id from an untrusted hop and sends its own', async () => {
    const { url } = await serve(app());
    const { text, headers } = await get(`${url}/id`, { headers: { 'x-request-id': 'from-outside' } });
    expect(text).toMatch(/^[\w.:-]{1,128}$/);
    expect(text).not.toBe('from-outside');
    expect(headers['x-request-id']).toBe(text);
  });

  it('echoes a request id from a trusted hop', async () => {
    const trusting = app();
    trusting.set('trust proxy', 'loopback');
    const { url } = await serve(trusting);
    const { text, headers } = await get(`${url}/id`, { headers: { 'x-request-id': 'edge:42.a-b' } });
    expect([text, headers['x-request-id']]).toEqual(['edge:42.a-b', 'edge:42.a-b']);
  });

  it.each(['x'.repeat(129), 'a b', 'a"b', '<script>', 'é'])(
    'replaces the malformed id %j even from a trusted hop',
    async (sent) => {
      const { url } = await serve(app({ trustRequestId: true }));
      const { text } = await get(`${url}/id`, { headers: { 'x-request-id': sent } });
      expect(text).not.toBe(sent);
    },
  );

  it('provides the trace and a child for outgoing calls', async () => {
    const { url } = await serve(app());
    const { text } = await get(`${url}/trace`, { headers: { traceparent: trace } });
    expect(JSON.parse(text)).toMatchObject({
      traceId: '0af7651916cd43dd8448eb211c80319c',
      spanId: 'b7ad6b7169203331',
      flags: '01',
    });
    const child = await get(`${url}/child`, { headers: { traceparent: trace } });
    expect(child.text).toMatch(/^00-0af7651916cd43dd8448eb211c80319c-[0-9a-f]{16}-01$/);
    expect(child.text).not.toBe(trace);
  });

  it.each([
    trace.replace('0af7651916cd43dd8448eb211c80319c', '0'.repeat(32)),
    trace.replace('b7ad6b7169203331', '0'.repeat(16)),
    trace.toUpperCase(),
    `ff${trace.slice(2)}`,
    `${trace}-more`,
    'garbage',
  ])('ignores the invalid traceparent %s', async (traceparent) => {
    const { url } = await serve(app());
    expect((await get(`${url}/trace`, { headers: { traceparent } })).text).toBe('null');
  });

  it('aborts req.signal when the client disconnects before the response', async () => {
    const aborted = deferred<unknown>();
    const arrived = deferred<void>();
    const leaving = express();
    leaving.use(requestContext(), express.json());
    leaving.post('/', (req) => {
      req.signal.addEventListener('abort', () => aborted.resolve(req.signal.reason));
      arrived.resolve();
    });
    const { url } = await serve(leaving);
    const client = new AbortController();
    const request = get(url, {
      method: 'POST',
      body: '{}',
      headers: { 'content-type': 'application/json' },
      signal: client.signal,
    });
    await arrived.promise;
    client.abort();
    await expect(request).rejects.toThrow();
    expect(await aborted.promise).toMatchObject({ name: 'AbortError' });
  });

  it('does not abort req.signal when the response was complete', async () => {
    const closed = deferred<boolean>();
    const complete = express();
    complete.use(requestContext(), express.json());
    complete.post('/', (req, res) => {
      const { signal } = req;
      res.on('close', () => setImmediate(() => closed.resolve(signal.aborted)));
      res.json(req.body);
    });
    const { url } = await serve(complete);
    await get(url, { method: 'POST', body: '{"a":1}', headers: { 'content-type': 'application/json' } });
    expect(await closed.promise).toBe(false);
  });

  it('preserves the context through a body parser, in the handler and in finish and close', async () => {
    const seen: (string | undefined)[] = [];
    const done = deferred<void>();
    const parsing = express();
    parsing.use(requestContext(), express.json());
    parsing.post('/', (req, res) => {
      seen.push(currentRequest()?.id);
      res.on('finish', () => seen.push(currentRequest()?.id));
      res.on('close', () => {
        seen.push(currentRequest()?.id);
        done.resolve();
      });
      res.send(req.id);
    });
    const { url } = await serve(parsing);
    const { text } = await get(url, {
      method: 'POST',
      body: JSON.stringify({ a: 'x'.repeat(50_000) }),
      headers: { 'content-type': 'application/json' },
    });
    await done.promise;
    expect(seen).toEqual([text, text, text]);
  });
});

describe.each(expressVersions)('an id of the app on %s', (_name, express) => {
  const id = 'id-of-the-app';
  const ways = {
    'req.id': (req: Request, _res: Response, next: NextFunction) => {
      Object.assign(req, { id });
      next();
    },
    'the response header': (_req: Request, res: Response, next: NextFunction) => {
      res.setHeader('X-Request-Id', id);
      next();
    },
    'a number in req.id': (req: Request, _res: Response, next: NextFunction) => {
      Object.assign(req, { id: 17 });
      next();
    },
  };
  type Way = keyof typeof ways;
  const names = Object.keys(ways) as Way[];

  function addRoutes(app: ReturnType<typeof express>) {
    const router = express.Router();
    router.get('/:name', (req, res) => {
      const { log, id } = req as unknown as { log: { info(text: string): void }; id: unknown };
      log.info('from the handler');
      res.json({ id });
    });
    router.get('/:name/broken', async () => {
      throw new Error('the database is down');
    });
    app.use(helmet());
    app.use('/things', router);
    return app;
  }

  it.each(names)(
    'from %s is in the response, in req.log, in the line and in an error response',
    async (way) => {
      const log = memoryLog();
      const app = productionize(express(), log.options);
      app.use(ways[way]);
      const { url } = await serve(addRoutes(app));
      const expected = way === 'a number in req.id' ? '17' : id;
      const ok = await get(`${url}/things/one`);
      expect(ok.headers['x-request-id']).toBe(expected);
      expect(JSON.parse(ok.text).id).toBe(way === 'a number in req.id' ? 17 : id);
      const failed = await get(`${url}/things/one/broken`, { headers: { accept: 'application/json' } });
      expect(failed.headers['x-request-id']).toBe(expected);
      expect(JSON.parse(failed.text).requestId).toBe(expected);
      expect(log.lines.map(({ reqId }) => reqId)).toEqual([expected, expected, expected]);
    },
  );

  it.each(names)('from %s before requestContext and requestLogger is theirs, too', async (way) => {
    const { destination, lines } = memoryLog();
    const logger = createLogger({ level: 'trace', destination });
    const app = express();
    app.use(ways[way], requestContext(), requestLogger({ logger }));
    const { url } = await serve(addRoutes(app));
    const expected = way === 'a number in req.id' ? '17' : id;
    for (let i = 0; i < 2; i++)
      expect((await get(`${url}/things/one`)).headers['x-request-id']).toBe(expected);
    expect(lines.map(({ reqId }) => reqId)).toEqual([expected, expected, expected, expected]);
  });

  it('that no header may contain is in the log only', async () => {
    const log = memoryLog();
    const app = productionize(express(), log.options);
    app.use((req, _res, next) => {
      Object.assign(req, { id: 'two words\n{"level":60}' });
      next();
    });
    const { url } = await serve(addRoutes(app));
    expect((await get(`${url}/things/one`)).headers['x-request-id']).toMatch(/^[\w-]+$/);
    expect(log.lines).toHaveLength(2);
    for (const { reqId } of log.lines) expect(reqId).toBe('two words\n{"level":60}');
  });
});

describe('requestContext options', () => {
  it('names a wrong option and what was expected', () => {
    expect(() => requestContext({ trustRequestID: true } as never)).toThrow(
      /unknown option 'trustRequestID'. Did you mean `trustRequestId`\?/,
    );
    expect(() => requestContext({ requestIdHeader: 7 } as never)).toThrow(/got 7/);
  });

  it('returns undefined outside requests', () => {
    expect(currentRequest()).toBeUndefined();
  });
});
