import net from 'node:net';
import type { ErrorRequestHandler, RequestHandler } from 'express';
import pino from 'pino';
import { pinoHttp } from 'pino-http';
import { createLogger, currentRequest, requestContext, requestLogger } from '../../../src/index.js';
import { setLogLevel } from '../../../src/logging/log-level.js';
import { currentContext } from '../../../src/support/context/context.js';
import { deferred } from '../../helpers/deferred.js';
import { expressVersions } from '../../helpers/express-versions.js';
import { type Line, memoryLog } from '../../helpers/memory-log.js';
import { killAll, run } from '../../helpers/program.js';
import { closeAll, get, raw, serve } from '../../helpers/serve.js';

afterEach(async () => {
  killAll();
  await closeAll();
});

type Options = Parameters<typeof requestLogger>[0];

/** A request logger in memory. */
function memory(options: Options = {}, level = 'info') {
  const log = memoryLog();
  const logger = createLogger({ level, destination: log.destination });
  const requestLines = () => log.lines.filter(({ outcome }) => outcome !== undefined);
  const nextLine = () => log.line(({ outcome }) => outcome !== undefined);
  return { ...log, logger, requestLines, nextLine, middleware: requestLogger({ logger, ...options }) };
}

describe.each(expressVersions)('requestLogger on %s', (_name, express) => {
  function app(middleware: RequestHandler) {
    const app = express();
    app.use(middleware);
    app.get('/users/:id', (_req, res) => void res.send('hello'));
    app.get('/status/:status', (req, res) => void res.status(Number(req.params.status)).end());
    app.get('/fail', (_req, res) => {
      (res as { err?: unknown }).err = new Error('down', { cause: new Error('refused') });
      res.status(500).send('sorry');
    });
    return app;
  }

  it('writes one line with all fields', async () => {
    const { middleware, lines, nextLine } = memory();
    const { url } = await serve(app(middleware));
    const { headers } = await get(`${url}/users/42?page=2`);
    expect(await nextLine()).toEqual({
      level: 30,
      time: expect.any(Number),
      pid: process.pid,
      reqId: headers['x-request-id'],
      method: 'GET',
      url: '/users/42?page=2',
      route: '/users/:id',
      status: 200,
      outcome: 'completed',
      durationMs: expect.any(Number),
      bytes: 5,
      msg: 'GET /users/:id 200',
    });
    expect(lines).toHaveLength(1);
  });

  it('writes one line when it is mounted on the app, a router and in a second copy of the package', async () => {
    const { requestLogger: second } = jest.requireActual('../../../dist/index.cjs') as {
      requestLogger: typeof requestLogger;
    };
    const { middleware, logger, lines, nextLine } = memory();
    const twice = express();
    const router = express.Router();
    router.use(middleware, second({ logger }), requestLogger({ logger }));
    router.get('/', (_req, res) => void res.send('hello'));
    twice.use(second({ logger }), middleware);
    twice.use('/sub', router);
    const { url } = await serve(twice);
    await get(`${url}/sub`);
    await nextLine();
    await get(`${url}/sub`);
    expect(lines).toHaveLength(2);
  });

  it.each(['before', 'behind'])('writes one separate line %s pino-http', async (where) => {
    const { middleware, lines, requestLines, nextLine } = memory();
    const theirs = memoryLog();
    const other = pinoHttp({}, theirs.destination);
    const both = express();
    both.use(...(where === 'before' ? [middleware, other] : [other, middleware]));
    both.get('/', (req, res) => {
      req.log.info('in between');
      res.send('hello');
    });
    const { url } = await serve(both);
    await get(url);
    await nextLine();
    await theirs.line(({ msg }) => msg === 'request completed');
    expect(requestLines()).toHaveLength(1);
    const others = [...lines, ...theirs.lines].map(({ msg }) => msg).sort();
    expect(others).toEqual(['GET / 200', 'in between', 'request completed']);
  });

  it('writes one line for a request that a handler aborts, and for one without a response', async () => {
    const { middleware, lines, line } = memory();
    const cutting = express();
    cutting.use(middleware);
    cutting.get('/cut', (_req, res) => void res.destroy());
    cutting.get('/socket', (req) => void req.socket.destroy());
    const { url } = await serve(cutting);
    await expect(get(`${url}/cut`)).rejects.toThrow();
    await line(({ route }) => route === '/cut');
    await expect(get(`${url}/socket`)).rejects.toThrow();
    await line(({ route }) => route === '/socket');
    expect(lines.map(({ outcome }) => outcome)).toEqual(['aborted', 'aborted']);
  });

  it('calls next immediately, by its name and with exact arity', async () => {
    const { middleware } = memory();
    expect([middleware.name, middleware.length]).toEqual(['requestLoggerMiddleware', 3]);
    let atOnce = false;
    const outer = express();
    outer.use((req, res, next) => {
      let called = false;
      middleware(req, res, () => {
        called = true;
      });
      atOnce = called;
      next();
    });
    outer.use((_req, res) => void res.end());
    await get((await serve(outer)).url);
    expect(atOnce).toBe(true);
  });

  it('adds one listener to the response, the same for every request', async () => {
    const { middleware } = memory();
    const seen = new Set<unknown>();
    const counted = express();
    counted.use(requestContext(), (_req, res, next) => {
      const before = res.listenerCount('close');
      middleware(_req, res, () => {});
      expect(res.listenerCount('close')).toBe(before + 1);
      seen.add(res.listeners('close').at(-1));
      next();
    });
    counted.use((_req, res) => void res.end());
    const { url } = await serve(counted);
    await get(url);
    await get(url);
    expect(seen.size).toBe(1);
  });

  it.each([
    [undefined, null],
    [499, 499],
  ] as const)(
    'logs a client that disconnects as aborted, not as an error (abortedStatus %p)',
    async (abortedStatus, status) => {
      const { middleware, lines, line } = memory({ abortedStatus });
      const arrived = [deferred(), deferred()];
      const slow = express();
      slow.use(middleware);
      slow.get('/before', () => arrived[0]?.resolve());
      slow.get('/during', (_req, res) => {
        res.write('part');
        arrived[1]?.resolve();
      });
      const { url } = await serve(slow);
      for (const [index, path] of ['/before', '/during'].entries()) {
        const client = new AbortController();
        const request = get(`${url}${path}`, { signal: client.signal }).catch(() => {});
        await arrived[index]?.promise;
        client.abort();
        await request;
        const logged = await line(({ route }) => route === path);
        expect(logged).toMatchObject({ level: 30, outcome: 'aborted', status, msg: `GET ${path} aborted` });
      }
      expect(lines).toHaveLength(2);
    },
  );

  it('does not log an upload that its client aborted as an error of the server', async () => {
    const { middleware, nextLine } = memory();
    const upload = express();
    const arrived = deferred();
    upload.use(middleware, (req, _res, next) => {
      req.once('data', () => arrived.resolve());
      next();
    });
    upload.use(express.json());
    upload.use(((error, _req, res, _next) => {
      (res as { err?: unknown }).err = error;
      res.status(400).end();
    }) as ErrorRequestHandler);
    const { port } = await serve(upload);
    const client = net.connect(port, '127.0.0.1');
    client.write(
      'POST / HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{"a":',
    );
    await arrived.promise;
    client.destroy();
    expect(await nextLine()).toMatchObject({ level: 30, outcome: 'aborted', status: null });
  });

  it('logs a response that the server aborted as an error', async () => {
    const { middleware, nextLine } = memory();
    const broken = express();
    broken.use(middleware);
    broken.get('/', (_req, res) => {
      res.write('part');
      (res as { err?: unknown }).err = new Error('the source failed');
      res.destroy();
    });
    await get((await serve(broken)).url).catch(() => {});
    expect(await nextLine()).toMatchObject({
      level: 50,
      outcome: 'aborted',
      err: { message: 'the source failed' },
    });
  });

  it('logs a response that ends before its Content-Length as an error', async () => {
    const { middleware, nextLine } = memory();
    const short = express();
    short.use(middleware);
    short.get('/', (_req, res) => void res.set('Content-Length', '10').end('abc'));
    await get((await serve(short)).url, { headers: { connection: 'close' } }).catch(() => {});
    expect(await nextLine()).toMatchObject({
      level: 50,
      status: null,
      outcome: 'aborted',
      err: {
        message: 'The response ended 7 bytes before its Content-Length',
        code: 'ERR_HTTP_CONTENT_LENGTH_MISMATCH',
      },
    });
  });

  it('contains the error with its stack and cause, although the app handled it', async () => {
    const { middleware, lines, nextLine } = memory();
    const answering = express();
    answering.use(middleware);
    answering.get('/', () => {
      throw Object.assign(new Error('no stock', { cause: new Error('timed out') }), { status: 503 });
    });
    answering.use(((error, _req, res, _next) => {
      currentContext()?.fail(error);
      res.status(503).json({ error: 'sorry' });
    }) as ErrorRequestHandler);
    const { url } = await serve(answering);
    await get(url);
    expect(await nextLine()).toMatchObject({
      level: 50,
      status: 503,
      err: {
        message: 'no stock',
        stack: expect.stringContaining('request-logger.test'),
        cause: { message: 'timed out', stack: expect.any(String) },
      },
    });
    expect(lines).toHaveLength(1);
  });

  it('logs the error that a handler puts in res.err, and a thrown undefined', async () => {
    const { middleware, line } = memory();
    const failing = app(middleware);
    failing.get('/nothing', (_req, res) => {
      currentContext()?.fail(undefined);
      res.sendStatus(500);
    });
    const { url } = await serve(failing);
    await get(`${url}/fail`);
    expect(await line(({ url }) => url === '/fail')).toMatchObject({
      err: { message: 'down', cause: { message: 'refused' } },
    });
    await get(`${url}/nothing`);
    expect(await line(({ url }) => url === '/nothing')).toMatchObject({ err: { type: 'undefined' } });
  });

  it('logs no other property of an error, with any logger', async () => {
    const { lines, destination } = memoryLog();
    const logger = pino({}, destination);
    const failing = express();
    failing.use(requestLogger({ logger }));
    failing.get('/', (_req, res) => {
      const config = { headers: { Authorization: 'Bearer secret' } };
      (res as { err?: unknown }).err = Object.assign(new Error('upstream'), { config });
      res.on('close', () => setImmediate(() => closed.resolve()));
      res.sendStatus(502);
    });
    const closed = deferred();
    await get((await serve(failing)).url);
    await closed.promise;
    expect(lines).toMatchObject([{ err: { type: 'Error', message: 'upstream' } }]);
    expect(JSON.stringify(lines)).not.toContain('Bearer');
  });

  it.each([
    [200, 30],
    [302, 30],
    [404, 40],
    [499, 40],
    [500, 50],
    [503, 50],
  ])('logs status %d at level %d', async (status, level) => {
    const { middleware, nextLine } = memory();
    await get(`${(await serve(app(middleware))).url}/status/${status}`);
    expect(await nextLine()).toMatchObject({ level, status, msg: `GET /status/:status ${status}` });
  });

  it('logs no probes that succeed, but those that fail', async () => {
    const { middleware, lines, line } = memory({ silentPaths: ['/livez', '/readyz', '/gone'] });
    const probed = express();
    probed.use(middleware);
    probed.get('/livez', (_req, res) => void res.send('ok'));
    probed.get('/readyz', (_req, res) => void res.status(503).send('draining'));
    const { url } = await serve(probed);
    for (const path of ['/livez', '/livez?verbose', '/readyz', '/gone']) await get(`${url}${path}`);
    await line(({ url }) => url === '/gone');
    expect(lines.map(({ url, level }) => [url, level])).toEqual([
      ['/readyz', 50],
      ['/gone', 40],
    ]);
  });

  it('contains no secret of a URL in a header', async () => {
    const { middleware, nextLine } = memory({ headers: ['referer', 'x-original-url', 'user-agent'] });
    const headers = {
      referer: 'https://user:SECRET@app.test/reset?token=SECRET&page=2',
      'x-original-url': '/reset?code=SECRET',
      'user-agent': 'curl/8 (+https://app.test/?key=shown)',
    };
    await get((await serve(app(middleware))).url, { headers });
    expect((await nextLine()).headers).toEqual({
      referer: 'https://app.test/reset?token=[redacted]&page=2',
      'x-original-url': '/reset?code=[redacted]',
      'user-agent': headers['user-agent'],
    });
  });

  it('contains no secret of the headers or the URL', async () => {
    const { middleware, lines, nextLine } = memory({
      headers: ['Authorization', 'cookie', 'proxy-authorization', 'set-cookie', 'x-api-key', 'user-agent'],
      redactQuery: ['Invite-Code'],
    });
    const { url } = await serve(app(middleware));
    const secrets = [
      'token=SECRET1',
      'access_token=SECRET2;SECRET2',
      'ToKeN=SECRET3',
      '%74oken=SECRET4',
      'api-key=SECRET5',
      'user[password]=SECRET6',
      'a=1;secret=SECRET7',
      'inviteCode=SECRET8',
      'next=%2Fcb%3Fcode%3DSECRET9',
      'next=/cb?code=SECRET10',
      'sig=SECRET11=SECRET11',
    ];
    await get(`${url}/users/1?page=1&${secrets.join('&')}&sort=asc`, {
      headers: {
        authorization: 'Bearer SECRET12',
        cookie: 'sid=SECRET13',
        'proxy-authorization': 'SECRET14',
        'set-cookie': 'SECRET15',
        'x-api-key': 'SECRET16',
        'user-agent': 'curl/8',
      },
    });
    const line = await nextLine();
    expect(JSON.stringify(lines)).not.toMatch(/SECRET/);
    expect(line.url).toMatch(/^\/users\/1\?page=1&token=\[redacted\]&access_token=\[redacted\]&/);
    expect(line.url).toMatch(/&sort=asc$/);
    expect(line.headers).toEqual({
      authorization: '[redacted]',
      cookie: '[redacted]',
      'proxy-authorization': '[redacted]',
      'set-cookie': '[redacted]',
      'x-api-key': '[redacted]',
      'user-agent': 'curl/8',
    });
  });

  it('logs neither the user name of an absolute URL nor more than a kilobyte of any', async () => {
    const { middleware, line } = memory();
    const { port, url } = await serve(app(middleware));
    await raw(
      port,
      'GET http://me:hunter2@shop.example/users/1 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n',
    );
    expect((await line(({ outcome }) => outcome !== undefined)).url).toBe('http://shop.example/users/1');
    await get(`${url}/${'x'.repeat(8000)}`);
    expect((await line(({ status }) => status === 404)).url.length).toBeLessThan(1100);
  });

  it('logs the ids of a valid traceparent, on the line and on those of req.log', async () => {
    const { middleware, lines, nextLine } = memory();
    const traced = express();
    traced.use(middleware, (req, res) => {
      req.log.info('inside');
      res.end();
    });
    const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
    await get((await serve(traced)).url, { headers: { traceparent } });
    await nextLine();
    const ids = { trace_id: '0af7651916cd43dd8448eb211c80319c', span_id: 'b7ad6b7169203331' };
    expect(lines).toMatchObject([{ msg: 'inside', ...ids }, ids]);
    expect(lines[0]?.reqId).toBe(lines[1]?.reqId);
  });

  it('is one line of valid JSON, whatever the URL contains', async () => {
    const texts: string[] = [];
    const written = deferred();
    const destination = {
      write(text: string) {
        texts.push(text);
        written.resolve();
      },
    };
    const handler = app(requestLogger({ logger: createLogger({ level: 'info', destination }) }));
    const { url } = await serve((req, res) => {
      req.url = '/a\r\nb\u001b[31m\u2028\u2029\u0085"\\c?d=\n\u009b';
      handler(req, res);
    });
    await get(url);
    await written.promise;
    expect(texts).toHaveLength(1);
    expect(texts[0]).toMatch(/^[\x20-\x7e]+\n$/);
    expect(JSON.parse(texts[0] as string).url).toContain('%0D%0A');
  });

  it('logs the original URL and the pattern, although routers rewrite both', async () => {
    const { middleware, nextLine } = memory();
    const nested = express();
    const router = express.Router();
    nested.use(middleware);
    nested.use('/api', router);
    router.use((req, _res, next) => {
      req.url = req.url.replace('/old', '/new');
      next();
    });
    router.get('/new/:id', (_req, res) => void res.send('hello'));
    await get(`${(await serve(nested)).url}/api/old/7?x=1`);
    expect(await nextLine()).toMatchObject({ url: '/api/old/7?x=1', route: '/api/new/:id' });
  });

  it('writes the line inside the context of its request, also when the client disconnected', async () => {
    const { destination, line } = memoryLog();
    const logger = pino({ mixin: () => ({ inside: currentRequest()?.id }) }, destination);
    const arrived = deferred();
    const parsing = express();
    parsing.use(requestLogger({ logger }), express.json());
    parsing.post('/', (_req, res) => void res.send('hello'));
    parsing.post('/slow', () => arrived.resolve());
    const { url } = await serve(parsing);
    const json = { method: 'POST', body: '{"a":1}', headers: { 'content-type': 'application/json' } };
    await get(url, json);
    const complete = await line(({ url }) => url === '/');
    expect(complete.inside).toBe(complete.reqId);
    const client = new AbortController();
    const request = get(`${url}/slow`, { ...json, signal: client.signal }).catch(() => {});
    await arrived.promise;
    client.abort();
    await request;
    const aborted = await line(({ url }) => url === '/slow');
    expect(aborted.inside).toBe(aborted.reqId);
  });

  it('collapses identical errors and counts them, and does not collapse others', async () => {
    const { middleware, requestLines, line } = memory({ collapseErrorsAbove: 5 });
    const failing = express();
    failing.use(middleware);
    failing.get('/:what', (req, res) => {
      (res as { err?: unknown }).err = new Error(req.params.what === 'same' ? 'same' : req.params.what);
      res.sendStatus(500);
    });
    failing.post('/same', (_req, res) => void res.sendStatus(500));
    const { url } = await serve(failing);
    for (let round = 0; round < 4; round++) {
      await Promise.all(Array.from({ length: 25 }, () => get(`${url}/same`)));
    }
    await get(`${url}/other`);
    await Promise.all(Array.from({ length: 10 }, () => get(`${url}/same`, { method: 'POST' })));
    const total = () =>
      requestLines()
        .filter(({ url, method }) => url === '/same' && method === 'GET')
        .reduce((sum, { repeated = 1 }) => sum + Number(repeated), 0);
    await line(() => total() >= 100);
    expect(total()).toBe(100);
    expect(requestLines().filter(({ repeated }) => repeated)[0]).toMatchObject({
      level: 50,
      err: { message: 'same' },
      msg: expect.stringMatching(/^GET \/:what 500 repeated \d+ times$/),
    });
    expect(requestLines().filter(({ url }) => url === '/other')).toHaveLength(1);
    expect(requestLines().filter(({ method }) => method === 'POST')).toHaveLength(10);
  });

  it('logs every error when collapsing is off', async () => {
    const { middleware, requestLines, line } = memory({ collapseErrorsAbove: false });
    const failing = app(middleware);
    const { url } = await serve(failing);
    for (let n = 0; n < 30; n++) await get(`${url}/fail`);
    await get(`${url}/users/1`);
    await line(({ status }) => status === 200);
    expect(requestLines()).toHaveLength(31);
  });

  describe('with bufferDebug', () => {
    function buffered(bufferDebug: NonNullable<Options>['bufferDebug'] = true) {
      const log = memory({ bufferDebug });
      const app = express();
      app.use(log.middleware);
      app.get('/:status', (req, res) => {
        for (let n = 0; n < Number(req.query.n ?? 1); n++) req.log.debug({ n }, 'detail');
        req.log.child({ part: 'db' }).trace('query');
        req.log.info('always');
        res.status(Number(req.params.status)).end();
        res.on('close', () => req.log.debug('late'));
      });
      return { ...log, app };
    }
    const messages = (lines: Line[]) => lines.map(({ msg }) => msg);

    it('writes the debug lines of a request that fails, and discards those of one that succeeds', async () => {
      const { app, lines, line } = buffered();
      const { url } = await serve(app);
      await get(`${url}/200`);
      await line(({ status }) => status === 200);
      expect(messages(lines)).toEqual(['always', 'GET /:status 200']);
      lines.length = 0;
      await get(`${url}/500`);
      await line(({ msg }) => msg === 'late');
      expect(messages(lines)).toEqual(['always', 'detail', 'query', 'GET /:status 500', 'late']);
      expect(lines[2]).toMatchObject({ level: 10, part: 'db' });
      expect(new Set(lines.map(({ reqId }) => reqId)).size).toBe(1);
    });

    it('buffers no more than the limit of one request, the latest first', async () => {
      const { app, lines, line } = buffered({ maxRequestBytes: 1000 });
      const { url } = await serve(app);
      await get(`${url}/500?n=1000`);
      await line(({ status }) => status === 500);
      const kept = lines.filter(({ msg }) => msg === 'detail');
      expect(kept.length).toBeGreaterThan(2);
      expect(kept.length).toBeLessThan(20);
      expect(kept.at(-1)?.n).toBe(999);
    });

    it('buffers no more than the limit of all requests, and buffers again after their end', async () => {
      const { middleware, lines, line } = memory({ bufferDebug: { maxTotalBytes: 1000 } });
      const held = [deferred<void>(), deferred<void>()];
      const arrived = [deferred<void>(), deferred<void>()];
      const holding = express();
      holding.use(middleware);
      holding.get('/:index', async (req, res) => {
        const index = Number(req.params.index);
        for (let n = 0; n < 100; n++) req.log.debug({ index }, 'detail');
        arrived[index]?.resolve();
        await held[index]?.promise;
        res.sendStatus(500);
      });
      const { url } = await serve(holding);
      const first = get(`${url}/0`);
      await arrived[0]?.promise;
      const second = get(`${url}/1`);
      await arrived[1]?.promise;
      for (const each of held) each.resolve();
      await Promise.all([first, second]);
      await line(({ url }) => url === '/0');
      await line(({ url }) => url === '/1');
      const details = () => lines.filter(({ msg }) => msg === 'detail').length;
      const before = details();
      expect(before).toBeGreaterThan(2);
      expect(before).toBeLessThan(20);
      await get(`${url}/2`);
      await line(({ url }) => url === '/2');
      expect(details()).toBeGreaterThan(before);
    });

    it('writes debug lines immediately while the level is debug', async () => {
      const { app, logger, lines, line } = buffered();
      const { url } = await serve(app);
      const undo = setLogLevel(logger, 'debug');
      await get(`${url}/200`);
      await line(({ status }) => status === 200);
      expect(messages(lines).slice(0, 2)).toEqual(['detail', 'always']);
      undo();
    });

    it('passes the level of each line to a multistream', async () => {
      const all = memoryLog();
      const errors = memoryLog();
      const logger = pino(
        { level: 'info' },
        pino.multistream([
          { level: 'trace', stream: all.destination },
          { level: 'error', stream: errors.destination },
        ]),
      );
      const failing = express();
      failing.use(requestLogger({ logger, bufferDebug: true }), (req, res) => {
        req.log.debug('detail');
        res.sendStatus(500);
      });
      await get((await serve(failing)).url);
      await errors.line(({ status }) => status === 500);
      expect(messages(all.lines)).toEqual(['detail', 'GET / 500']);
      expect(messages(errors.lines)).toEqual(['GET / 500']);
    });
  });

  it('creates no line for a level that is off, and applies a changed level', async () => {
    const { middleware, logger, lines, line } = memory({}, 'error');
    const { url } = await serve(app(middleware));
    await get(`${url}/users/1`);
    setLogLevel(logger, 'info');
    await get(`${url}/users/2`);
    await line(({ status }) => status === 200);
    expect(lines.map(({ url }) => url)).toEqual(['/users/2']);
  });

  it('responds although the logger throws', async () => {
    const logger = createLogger({
      level: 'info',
      destination: {
        write() {
          throw new Error('broken');
        },
      },
    });
    const { url } = await serve(app(requestLogger({ logger })));
    expect((await get(`${url}/users/1`)).status).toBe(200);
    expect((await get(`${url}/users/1`)).status).toBe(200);
  });

  it('counts no bytes for HEAD', async () => {
    const { middleware, nextLine } = memory();
    await get(`${(await serve(app(middleware))).url}/users/1`, { method: 'HEAD' });
    expect(await nextLine()).not.toHaveProperty('bytes');
  });
});

describe('requestLogger', () => {
  it('reports the collapsed errors before the process exits', async () => {
    const program = run('log-collapse.mjs');
    expect((await program.exit()).code).toBe(0);
    const lines = program.out.map((line) => JSON.parse(line) as Line);
    expect(lines.map(({ repeated }) => repeated)).toEqual([...Array(10).fill(undefined), 40]);
  });

  it.each([
    [{ logger: { info() {} } }, /`logger` to be a logger with `info`, `warn` and `error`/],
    [{ abortedStatus: 500 }, /one of null, 499, got 500/],
    [{ collapseErrorsAbove: 0 }, /one of false or a whole number of errors, 1 or more/],
    [{ bufferDebug: { maxRequest: 1 } }, /Did you mean `maxRequestBytes`/],
    [{ silent: [] }, /Did you mean `silentPaths`/],
  ])('refuses %p', (options, message) => {
    expect(() => requestLogger(options as never)).toThrow(message);
  });
});
