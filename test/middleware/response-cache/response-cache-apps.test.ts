import { once } from 'node:events';
import http2 from 'node:http2';
import type { AddressInfo } from 'node:net';
import { format } from 'node:util';
import theirCompression from 'compression';
import cors from 'cors';
import createDebug from 'debug';
import type { Request, RequestHandler, Response } from 'express';
import helmet from 'helmet';
import { createProxyMiddleware } from 'http-proxy-middleware';
import morgan from 'morgan';
import { pinoHttp } from 'pino-http';
import { compression, currentRequest, productionize, responseCache } from '../../../src/index.js';
import { cachedApps, cacheStatus, clock, counted, minute, saying } from '../../helpers/cached.js';
import { accept, prose } from '../../helpers/encoding.js';
import { expressNames } from '../../helpers/express-names.js';
import { expressVersions } from '../../helpers/express-versions.js';
import { memoryLog, quiet } from '../../helpers/memory-log.js';
import { killAll, run } from '../../helpers/program.js';
import { closeAll, get, serve } from '../../helpers/serve.js';

afterEach(closeAll);

// it comes without types
const session = jest.requireActual<(options: object) => RequestHandler>('express-session');

const stale = 'public, max-age=10, stale-while-revalidate=60';

/** A handler that sends what may become stale, and when its next call is over. */
function refreshable(
  answer: (req: Request, res: Response, call: number) => unknown = (_req, res, call) =>
    res.send(`call ${call}`),
) {
  const closed: (() => void)[] = [];
  const handler = counted((req, res, call) => {
    res.once('close', () => closed.shift()?.());
    return answer(req, res.set('Cache-Control', stale), call);
  });
  return Object.assign(handler, { over: () => new Promise<void>((resolve) => closed.push(resolve)) });
}

describe.each(expressVersions)('refreshing on %s', (_name, express) => {
  let time: ReturnType<typeof clock>;
  beforeEach(() => {
    time = clock();
  });
  afterEach(() => time.stop());

  it('passes the middleware of a real app', async () => {
    const app = productionize(express(), { ...quiet(), cache: true });
    app.use(
      helmet() as RequestHandler,
      cors({ origin: true }),
      morgan('tiny', { stream: { write() {} } }),
      session({ secret: 'x', resave: false, saveUninitialized: false }),
      express.json(),
      express.urlencoded({ extended: true }),
      theirCompression(),
    );
    const handler = refreshable((req, res, call) => {
      res
        .type('text')
        .send(
          `${call} ${req.ip} ${req.protocol} ${req.body === undefined || Object.keys(req.body).length} ${prose}`,
        );
    });
    app.get('/', handler);
    const { url } = await serve(app);
    const ask = () => get(url, { headers: { origin: 'https://a.test', ...accept('gzip').headers } });
    const cold = await ask();
    time.pass(20);
    const over = handler.over();
    expect((await ask()).body).toEqual(cold.body);
    await over;
    const after = await ask();
    expect([handler.calls, cacheStatus(after), after.headers['content-encoding']]).toEqual([
      2,
      'hit; ttl=10',
      'gzip',
    ]);
    expect(after.headers).toMatchObject({ 'access-control-allow-origin': 'https://a.test' });
  });

  it('is a separate request, with a line in the log and a context', async () => {
    const log = memoryLog();
    const app = productionize(express(), { ...log.options, cache: true });
    const ids: (string | undefined)[] = [];
    const handler = refreshable((_req, res, call) => {
      ids.push(currentRequest()?.id);
      if (call === 2) throw new Error('the refresh failed');
      res.send('x');
    });
    app.get('/thing/:id', handler);
    const { url } = await serve(app);
    await get(`${url}/thing/1`);
    time.pass(20);
    const { headers } = await get(`${url}/thing/1`);
    const line = await log.line(({ status }) => status === 500);
    expect(line).toMatchObject({ route: '/thing/:id', err: { message: 'the refresh failed' } });
    expect(new Set([...ids, headers['x-request-id']]).size).toBe(3);
  });

  it('begins at the outermost app, with the whole URL', async () => {
    const parent = express();
    const sub = express();
    const router = express.Router();
    const seen: string[] = [];
    parent.use((req, _res, next) => {
      seen.push(req.url);
      next();
    });
    const handler = refreshable();
    router.get('/x', responseCache(), handler);
    sub.use('/r', router);
    parent.use('/sub', sub);
    const { url } = await serve(parent);
    await get(`${url}/sub/r/x?a=1`);
    time.pass(20);
    const over = handler.over();
    await get(`${url}/sub/r/x?a=1`);
    await over;
    expect((await get(`${url}/sub/r/x?a=1`)).text).toBe('call 2');
    expect(seen).toEqual(Array(4).fill('/sub/r/x?a=1'));
  });

  it('is done by the request itself if a detached request does not reach the cache', async () => {
    const app = express();
    app.use((req, res, next) => {
      // what only the server in front adds
      if ((req.socket as { server?: unknown }).server === undefined) res.status(403).end();
      else next();
    });
    app.use(responseCache());
    const handler = counted((_req, res, call) => res.set('Cache-Control', stale).send(`call ${call}`));
    app.use(handler);
    const { url } = await serve(app);
    await get(url);
    time.pass(20);
    expect((await get(url)).text).toBe('call 1');
    await new Promise(setImmediate);
    await new Promise(setImmediate);
    expect((await get(url)).text).toBe('call 2');
    time.pass(20);
    expect((await get(url)).text).toBe('call 3');
  });
});

describe.each(expressNames)('draining with %s', (name) => {
  afterEach(killAll);

  it('waits for a refresh', async () => {
    const program = run('refresh.mjs', { args: [name] });
    const url = `http://127.0.0.1:${await program.port()}`;
    expect((await get(url)).text).toBe('first');
    expect((await get(url)).text).toBe('first');
    await program.line(/refresh 2 began/);
    program.child.kill('SIGTERM');
    await program.line(/told to stop/);
    // nothing else is left by then
    for (let open = true; open; )
      await get(url).catch(() => {
        open = false;
      });
    program.child.kill('SIGUSR2');
    expect((await program.exit()).code).toBe(0);
    expect(program.err).toContain('refresh 2 ended');
  });
});

describe.each(cachedApps)('with others on %s', (_name, make) => {
  it('caches the responses of a proxy, without the headers of its connection', async () => {
    const upstream = express5();
    const origin = counted((_req, res, call) => {
      // a Date of whole seconds would make the answer a second old as soon as the next one begins
      res.sendDate = false;
      res.set({ 'Cache-Control': minute, 'X-Up': '1' }).send(`call ${call}`);
    });
    upstream.use(origin);
    const { url: target } = await serve(upstream);
    const { app } = make();
    app.use(createProxyMiddleware({ target, changeOrigin: true }) as RequestHandler);
    const { url } = await serve(app);
    const time = clock();
    const answers = [await get(url), await get(url)];
    expect(answers.map(({ text }) => text)).toEqual(['call 1', 'call 1']);
    expect(answers[1]?.headers).toMatchObject({ 'x-up': '1', 'content-length': '6', age: '0' });
    const etag = answers[0]?.headers.etag as string;
    expect((await get(url, { headers: { 'if-none-match': etag } })).status).toBe(304);
    time.stop();
  });

  it('a line of pino-http and a finish listener see every response', async () => {
    const { app } = make();
    const finished: number[] = [];
    app.use(pinoHttp({ enabled: false }), (_req, res, next) => {
      res.on('finish', () => finished.push(res.statusCode));
      next();
    });
    app.use(saying());
    const { url } = await serve(app);
    await get(url);
    await get(url);
    expect(finished).toEqual([200]);
  });

  it('restores the conditions of a request for code that reads them later', async () => {
    const { app } = make();
    let seen: unknown;
    let left: unknown;
    app.use((req, res) => {
      seen = req.headers['if-none-match'];
      res.once('finish', () => {
        left = req.headers['if-none-match'];
      });
      res.set({ 'Cache-Control': minute, ETag: '"a"' }).send('x');
    });
    const { url } = await serve(app);
    const answer = await get(url, { headers: { 'if-none-match': '"a"' } });
    expect([answer.status, seen, left]).toEqual([304, undefined, '"a"']);
  });

  it('stores no response of an error handler, and passes errors on', async () => {
    const { app } = make();
    const handler = counted((_req, res) => {
      res.set('Cache-Control', minute);
      throw new Error('failed');
    });
    app.use(handler);
    app.use(((_error, _req, res, _next) =>
      res.status(500).send('sorry')) as import('express').ErrorRequestHandler);
    const { url } = await serve(app);
    const answers = [await get(url), await get(url)];
    expect(answers.map(({ status, text }) => [status, text])).toEqual([
      [500, 'sorry'],
      [500, 'sorry'],
    ]);
    expect(handler.calls).toBe(2);
  });

  it('prints in DEBUG=productionize:cache why a response was not stored or not served', async () => {
    const printed: string[] = [];
    const log = jest
      .spyOn(createDebug, 'log')
      .mockImplementation((...args) => void printed.push(format(...args)));
    createDebug.enable('productionize:cache');
    try {
      const { app } = make();
      app.use(saying('private'));
      const { url } = await serve(app);
      await get(url);
      await get(url, { headers: { range: 'bytes=0-1' } });
      await get(url, { headers: { 'if-match': '*' } });
    } finally {
      createDebug.disable();
      log.mockRestore();
    }
    const text = printed.join('\n');
    for (const reason of [
      'not stored, it has private',
      'not from the cache, range',
      'not from the cache, precondition',
    ]) {
      expect(text).toContain(reason);
    }
  });
});

const express5 = expressVersions[1]?.[1] as (typeof expressVersions)[number][1];

it('caches over HTTP/2', async () => {
  const cache = responseCache();
  let calls = 0;
  const warnings: string[] = [];
  const onWarning = (warning: Error) => warnings.push(warning.message);
  process.on('warning', onWarning);
  const server = http2.createServer((req, res) => {
    compression()(req as never, res as never, () => {
      cache(req as never, res as never, () => {
        calls += 1;
        res.setHeader('cache-control', minute);
        res.setHeader('content-type', 'text/plain');
        if (req.url === '/whole') return void res.end(prose);
        res.write(prose.slice(0, 2000));
        res.end(prose.slice(2000));
      });
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const client = http2.connect(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  try {
    for (const where of ['/whole', '/parts']) {
      for (let i = 0; i < 2; i++) {
        const stream = client.request({ ':path': where });
        const [headers] = await once(stream, 'response');
        const chunks: Buffer[] = [];
        for await (const chunk of stream) chunks.push(chunk);
        expect(Buffer.concat(chunks).toString()).toBe(prose);
        expect(headers['cache-status']).toMatch(i === 0 ? /fwd=uri-miss/ : /hit/);
      }
    }
    expect(calls).toBe(2);
    expect(warnings).toEqual([]);
  } finally {
    process.off('warning', onWarning);
    client.close();
    await new Promise<void>((resolve) => server.close(() => resolve()));
  }
});
