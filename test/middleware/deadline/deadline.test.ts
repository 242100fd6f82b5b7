import { once } from 'node:events';
import http from 'node:http';
import type { Request, RequestHandler } from 'express';
import helmet from 'helmet';
import { deadline, productionize, requestLogger } from '../../../src/index.js';
import { createLogger } from '../../../src/logging/logger.js';
import { deferred } from '../../helpers/deferred.js';
import { expressVersions } from '../../helpers/express-versions.js';
import { memoryLog } from '../../helpers/memory-log.js';
import { closeAll, get, serve } from '../../helpers/serve.js';

afterEach(closeAll);

// it comes without types
const session = jest.requireActual<(options: object) => RequestHandler>('express-session');

describe.each(expressVersions)('deadline on %s', (_name, express) => {
  /** An app whose /slow waits for `go` and then answers in the way asked for. */
  function arrange(options: Parameters<typeof deadline>[0] = { afterMs: 30 }) {
    const log = memoryLog();
    const go = deferred<void>();
    const done = deferred<unknown>();
    const signals: AbortSignal[] = [];
    const kept = deadline(options);
    const app = express();
    app.use(requestLogger({ logger: createLogger(log.options.logger) }), kept);
    app.get('/slow/:way', async (req, res) => {
      signals.push(req.signal);
      app.emit('arrived');
      await go.promise;
      try {
        if (req.params.way === 'json') res.status(201).set('X-Late', 'yes').json({ late: true });
        if (req.params.way === 'send') res.send('late');
        if (req.params.way === 'write') {
          res.writeHead(200, { 'X-Late': 'yes' });
          res.write('late', () => res.end());
        }
        if (req.params.way === 'callback')
          await new Promise<void>((resolve) => void res.end('late', resolve));
        done.resolve(undefined);
      } catch (error) {
        done.resolve(error);
      }
    });
    app.get('/stream', (_req, res) => {
      res.write('first');
      void go.promise.then(() => res.end(' last'));
    });
    app.get('/quick', (_req, res) => void res.send('quick'));
    return { app, log, go, done, signals, kept };
  }

  it.each(['json', 'send', 'write', 'callback'])(
    'responds with 503 once, aborts req.signal and counts work that reaches no client (%s)',
    async (way) => {
      const { app, log, go, done, signals, kept } = arrange();
      const { url } = await serve(app);
      const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
      const answer = await get(`${url}/slow/${way}`, { agent, headers: { accept: 'application/json' } });
      expect(answer).toMatchObject({ status: 503, cut: false });
      expect(JSON.parse(answer.text)).toMatchObject({ status: 503 });
      expect(Number(answer.headers['retry-after'])).toBeGreaterThanOrEqual(2);
      expect(signals[0]?.aborted).toBe(true);
      expect(signals[0]?.reason).toMatchObject({ name: 'TimeoutError' });
      expect(kept.counts).toMatchObject({ expired: 1, late: 0, gone: 0 });
      go.resolve();
      expect(await done.promise).toBeUndefined();
      // the same connection: what came late is not in the next answer
      expect(await get(`${url}/quick`, { agent })).toMatchObject({ status: 200, text: 'quick' });
      agent.destroy();
      expect(kept.counts).toMatchObject({ expired: 1, late: 1, gone: 0, wastedMs: expect.any(Number) });
      expect(kept.counts.wastedMs).toBeGreaterThan(0);
      const line = await log.line(({ status }) => status === 503);
      expect(line).toMatchObject({ level: 50, route: '/slow/:way', err: { type: expect.any(String) } });
      expect(log.lines.filter(({ url: path }) => path === `/slow/${way}`)).toHaveLength(1);
    },
  );

  it('counts a response that was finished after the client had disconnected', async () => {
    const { app, go, done, signals, kept } = arrange({ afterMs: 60_000 });
    const { url } = await serve(app);
    const request = http.get(`${url}/slow/json`, { agent: false });
    request.on('error', () => {});
    await once(app, 'arrived');
    request.destroy();
    await once(signals[0] as AbortSignal, 'abort');
    go.resolve();
    expect(await done.promise).toBeUndefined();
    expect(kept.counts).toMatchObject({ expired: 0, late: 0, gone: 1 });
  });

  it('does not change a response that has begun', async () => {
    const { app, go, kept } = arrange();
    const { url } = await serve(app);
    const answer = get(`${url}/stream`);
    await get(`${url}/slow/none`);
    go.resolve();
    expect(await answer).toMatchObject({ status: 200, text: 'first last', cut: false });
    expect(kept.counts.expired).toBe(1);
  });

  it('calls a function for each request; 0, an invalid value and a throw mean no deadline', async () => {
    const limits: Record<string, unknown> = { '/slow/json': 20, '/quick': 0 };
    const afterMs = (req: Request) => {
      if (req.path === '/stream') throw new Error('no limit');
      return limits[req.path] as number;
    };
    const { app, go, kept } = arrange({ afterMs });
    const { url } = await serve(app);
    expect((await get(`${url}/slow/json`)).status).toBe(503);
    go.resolve();
    expect((await get(`${url}/quick`)).status).toBe(200);
    expect((await get(`${url}/stream`)).status).toBe(200);
    expect((await get(`${url}/slow/send`)).status).toBe(200);
    expect(kept.counts.expired).toBe(1);
  });

  it('works in productionize, where it is off by default', async () => {
    const log = memoryLog();
    const app = productionize(express(), { ...log.options, deadline: { afterMs: 30 } });
    const aborted = deferred<void>();
    app.get('/slow', (req, res) => {
      req.signal.addEventListener('abort', () => {
        res.json({ late: 'x'.repeat(5000) });
        aborted.resolve();
      });
    });
    const { url } = await serve(app);
    const headers = { accept: 'application/json', 'accept-encoding': 'gzip' };
    const answer = await get(`${url}/slow`, { headers });
    await aborted.promise;
    expect(answer).toMatchObject({ status: 503, cut: false });
    expect(JSON.parse(answer.text)).toMatchObject({ status: 503 });
    await log.line(({ status }) => status === 503);
    expect(log.lines).toHaveLength(1);
  });

  it.each([
    ['text/html,application/xhtml+xml,*/*;q=0.8', 'text/html; charset=utf-8', /<!DOCTYPE html>/],
    ['application/json', 'application/problem+json', /^\{"type":"about:blank"/],
    ['text/plain', 'text/plain; charset=utf-8', /^Service Unavailable\n/],
  ])('responds in the form of other errors to Accept: %s', async (accept, type, body) => {
    const app = productionize(express(), { ...memoryLog().options, deadline: { afterMs: 30 } });
    const router = express.Router();
    // a handler that sets the headers of its response before it waits
    router.all('/:name', (_req, res) => {
      res.status(201).set({
        ETag: '"v1"',
        'Content-Digest': 'sha-256=:eA==:',
        'Content-Encoding': 'br',
        Expires: new Date(Date.now() + 600_000).toUTCString(),
        'X-Accel-Expires': '600',
        'CDN-Cache-Control': 'max-age=600',
      });
      res.statusMessage = 'Made';
    });
    app.use(helmet(), session({ secret: 's', resave: false, saveUninitialized: true }));
    app.use('/reports', router);
    const { url } = await serve(app);
    const [sent, head] = await Promise.all(
      ['GET', 'HEAD'].map((method) => get(`${url}/reports/7`, { method, headers: { accept } })),
    );
    expect(sent).toMatchObject({
      status: 503,
      cut: false,
      text: expect.stringMatching(body),
      headers: {
        'content-type': type,
        'cache-control': 'no-store',
        vary: expect.stringMatching(/^Accept(,|$)/),
      },
    });
    expect(sent?.text).toContain(sent?.headers['x-request-id']);
    expect(Number(sent?.headers['retry-after'])).toBeGreaterThanOrEqual(2);
    for (const name of ['etag', 'content-digest', 'content-encoding', 'expires', 'x-accel-expires']) {
      expect(sent?.headers).not.toHaveProperty(name);
    }
    expect(sent?.headers).not.toHaveProperty('cdn-cache-control');
    expect(head).toMatchObject({ status: 503, text: '', headers: { 'content-type': type } });
  });

  it('resets the connection where the 503 cannot be written', async () => {
    const app = express();
    app.use(deadline({ afterMs: 30 }));
    app.get('/', (_req, res) => {
      res.writeHead = () => {
        throw new Error('broken');
      };
    });
    await expect(get((await serve(app)).url)).rejects.toThrow('socket hang up');
  });

  it('responds to a client that is still sending, and closes', async () => {
    const kept = deadline({ afterMs: 30 });
    const app = express();
    app.use(kept);
    app.post('/', (req) => void req.resume());
    const { port } = await serve(app);
    const request = http.request({ port, method: 'POST', agent: false, headers: { 'content-length': 100 } });
    request.on('error', () => {});
    request.write('half');
    const [response] = (await once(request, 'response')) as [http.IncomingMessage];
    expect(response.statusCode).toBe(503);
    expect(response.headers.connection).toBe('close');
    request.destroy();
  });
});

it.each([
  [{ afterMs: -1 }, /afterMs.*whole number of milliseconds/],
  [{ afterMs: '1s' }, /afterMs.*'1s'/],
  [{ retryAfterSeconds: 0 }, /retryAfterSeconds/],
  [{ after: 1 }, /Did you mean|unknown option/],
])('throws at set-up for %j', (options, message) => {
  expect(() => deadline(options as never)).toThrow(message);
});
