import { once } from 'node:events';
import http from 'node:http';
import net from 'node:net';
import type { ErrorRequestHandler } from 'express';
import { errorHandler, notFound, requestContext, wrapAsync } from '../../../src/index.js';
import { contextOf } from '../../../src/support/context/context.js';
import { deferred } from '../../helpers/deferred.js';
import { expressVersions } from '../../helpers/express-versions.js';
import { loggerTo, silentLogger } from '../../helpers/part-logger.js';
import { closeAll, get, raw, serve } from '../../helpers/serve.js';

const { NODE_ENV } = process.env;

beforeEach(() => {
  process.env.NODE_ENV = 'production';
});

afterEach(async () => {
  process.env.NODE_ENV = NODE_ENV;
  await closeAll();
});

/** As http-errors makes them. */
function createError(status: number, message: string, more?: object): Error {
  return Object.assign(new Error(message), { status, statusCode: status, expose: status < 500 }, more);
}

const json = { accept: 'application/json' };
const html = { accept: 'text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8' };
const text = { accept: 'text/plain' };

/** Serves one error on plain node:http, where our handler has nothing of Express to lean on. */
function serveError(error: unknown, options?: Parameters<typeof errorHandler>[0]) {
  const handle = errorHandler({ logger: silentLogger, ...options });
  return serve((req, res) => handle(error, req, res, () => {}));
}

function revoked(): object {
  const { proxy, revoke } = Proxy.revocable({}, {});
  revoke();
  return proxy;
}

function throwing(): object {
  return new Proxy(new Error('x'), {
    get() {
      throw new Error('a trap');
    },
    ownKeys() {
      throw new Error('a trap');
    },
  });
}

describe.each(expressVersions)('errorHandler on %s', (_name, express) => {
  function appThatFails(error: unknown, ours: boolean) {
    const app = express();
    app.set('env', 'production');
    app.post('/', (_req, _res, next) => next(error));
    app.get('/', (_req, res, next) => {
      res.set('Content-Language', 'de').set('X-Kept', '1');
      next(error);
    });
    if (ours) app.use(notFound(), errorHandler({ logger: silentLogger }));
    return app;
  }

  // Express prints these errors itself
  beforeEach(() => void jest.spyOn(console, 'error').mockImplementation(() => {}));
  afterEach(() => void jest.restoreAllMocks());

  const errors: [string, unknown][] = [
    ['a plain error', new Error('secret')],
    ['a 404', createError(404, 'no such cow')],
    ['a 503 with headers', createError(503, 'x', { headers: { 'Retry-After': '7' } })],
    ['a 418', { status: 418 }],
    ['a status set on statusCode', { statusCode: 501 }],
  ];

  it.each(errors)('responds to %s as Express does when the client prefers nothing', async (_what, error) => {
    const { url: ours } = await serve(appThatFails(error, true));
    const { url: theirs } = await serve(appThatFails(error, false));
    for (const method of ['GET', 'HEAD', 'POST']) {
      for (const headers of [{}, { accept: '*/*' }, { accept: '' }] as Record<string, string>[]) {
        const [mine, express] = await Promise.all(
          [ours, theirs].map((url) =>
            get(url, { method, headers, ...(method === 'POST' && { body: 'x'.repeat(200_000) }) }),
          ),
        );
        const { vary, 'cache-control': cache, date: _date, ...rest } = mine?.headers ?? {};
        const { date: _date2, ...expected } = express?.headers ?? {};
        expect([mine?.status, mine?.text, rest]).toEqual([express?.status, express?.text, expected]);
        expect([vary, cache]).toEqual(['Accept', 'no-store']);
      }
    }
  });

  it.each([
    '/missing',
    '/a%20b?q=1',
    '/%zz%4',
    '/<script>"\'&',
    '//double',
    '/a#b',
    'http://other/path?x',
    '/b\\c^`{|}',
  ])('responds with 404 for %s as Express does', async (path) => {
    const request = `GET ${path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`;
    const bodies = await Promise.all(
      [true, false].map(async (ours) => {
        const { port } = await serve(appThatFails(undefined, ours));
        const [head = '', body] = (await raw(port, request)).split('\r\n\r\n');
        return [head.split('\r\n')[0], body];
      }),
    );
    expect(bodies[0]).toEqual(bodies[1]);
    expect(bodies[0]?.[1]).toMatch(/Cannot GET/);
  });

  it('responds to malformed JSON with 400, and neither the response nor the report quotes it', async () => {
    const lines: unknown[] = [];
    const app = express();
    app.use(express.json());
    app.use(errorHandler({ logger: loggerTo((...line) => lines.push(line)) }));
    const { url } = await serve(app);
    const body = '{"password":hunter2}';
    for (const accept of [html, json, text, {}]) {
      const answer = await get(url, {
        method: 'POST',
        body,
        headers: { 'content-type': 'application/json', ...accept },
      });
      expect(answer.status).toBe(400);
      expect(answer.text).not.toMatch(/hunter2|password/);
    }
    expect(lines).toHaveLength(4);
    expect(JSON.stringify(lines)).not.toMatch(/hunter2|password/);
    expect(JSON.stringify(lines)).toMatch(/entity\.parse\.failed/);
  });

  it('responds to bad percent encoding in a parameter with 400', async () => {
    const app = express();
    app.get('/p/:name', (_req, res) => void res.end('never'));
    app.use(notFound(), errorHandler({ logger: silentLogger }));
    const { url } = await serve(app);
    expect((await get(`${url}/p/%zz`, { headers: json })).status).toBe(400);
  });

  it('sends no stack where NODE_ENV is not set, and one where the option requests it', async () => {
    delete process.env.NODE_ENV;
    const app = (exposeStack?: boolean) => {
      const app = express();
      app.set('env', 'development');
      app.use(() => {
        throw new Error('boom');
      });
      app.use(errorHandler({ exposeStack, logger: silentLogger }));
      return app;
    };
    const quiet = await serve(app());
    const open = await serve(app(true));
    for (const headers of [html, json, text, {}]) {
      expect((await get(quiet.url, { headers })).text).not.toMatch(/boom|at .*:\d+:\d+/);
      expect((await get(open.url, { headers })).text).toMatch(/boom.*at /s);
    }
  });

  it.each(['development', 'test'])('shows the stack as Express does where NODE_ENV is %s', async (env) => {
    process.env.NODE_ENV = env;
    const failures = [
      new Error('boom <b>'),
      createError(404, 'no such cow'),
      'a string',
      { status: 400 },
      Object.assign(new Error('no stack'), { stack: undefined }),
    ];
    for (const failure of failures) {
      const app = (ours: boolean) => {
        const app = express();
        app.use((_req, _res, next) => next(failure));
        if (ours) app.use(errorHandler({ logger: silentLogger }));
        return app;
      };
      const mine = await serve(app(true));
      const { text: theirs } = await get((await serve(app(false))).url);
      expect((await get(mine.url)).text).toBe(theirs);
      const pre = /<pre>(.*)<\/pre>/s.exec(theirs)?.[1];
      expect((await get(mine.url, { headers: html })).text).toContain(`<pre>${pre}`);
      expect(JSON.parse((await get(mine.url, { headers: json })).text).stack).toBeTruthy();
    }
  });

  it('shows no stack where the env of the app is production', async () => {
    process.env.NODE_ENV = 'test';
    const { url } = await serve(appThatFails(new Error('secret'), true));
    expect((await get(url, { headers: html })).text).not.toMatch(/secret| at /);
  });

  it('resets a response that has begun, once, and writes nothing after it', async () => {
    const app = express();
    app.use(requestContext());
    const contexts: unknown[] = [];
    app.get('/', (req, res, next) => {
      contexts.push(contextOf(req));
      res.write('half');
      next(new Error('late'));
      next(new Error('later'));
    });
    app.use(errorHandler({ logger: silentLogger }));
    const { url } = await serve(app);
    const { status, cut, text } = await get(url).catch(() => ({ status: 0, cut: true, text: '' }));
    expect([status === 0 || status === 200, cut]).toEqual([true, true]);
    expect('half'.startsWith(text)).toBe(true);
    expect(contexts[0]).toMatchObject({ failed: true, error: { message: 'late' } });
  });

  it('does not change a complete response, and the connection stays open', async () => {
    const app = express();
    app.get('/', (_req, res, next) => {
      res.send('whole');
      next(new Error('late'));
    });
    app.use(errorHandler({ logger: silentLogger }));
    const { url, server } = await serve(app);
    const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
    let connections = 0;
    server.on('connection', () => connections++);
    for (let i = 0; i < 2; i++) expect((await get(url, { agent })).text).toBe('whole');
    expect(connections).toBe(1);
    agent.destroy();
  });

  it('leaves the response to the error handler of the app, and reports the first error when that one fails as well', async () => {
    const seen = deferred<unknown>();
    const app = express();
    app.use(requestContext());
    app.get('/own', () => {
      throw new Error('original');
    });
    app.get('/broken', (req, _res) => {
      contextOf(req)?.fail(new Error('original'));
      throw new Error('original');
    });
    app.use(((_error, req, res, next) => {
      if (req.path === '/own') res.status(422).send('own');
      else next(new Error('of the handler'));
    }) as import('express').ErrorRequestHandler);
    app.use(errorHandler({ logger: silentLogger }), (() => {}) as import('express').RequestHandler);
    app.use(((_error, _req, _res, next) => next()) as import('express').ErrorRequestHandler);
    const { url, server } = await serve(app);
    server.on('request', (req, res) => res.on('finish', () => seen.resolve(contextOf(req)?.error)));
    expect(await get(`${url}/own`)).toMatchObject({ status: 422, text: 'own' });
    const later = deferred<unknown>();
    server.on('request', (req, res) => res.on('finish', () => later.resolve(contextOf(req)?.error)));
    expect((await get(`${url}/broken`)).status).toBe(500);
    expect(await later.promise).toMatchObject({ message: 'original' });
  });

  it('prints what Express prints on the console, without the body, unless env is test', async () => {
    const printed = jest.spyOn(console, 'error').mockImplementation(() => {});
    const app = express();
    app.use(() => {
      throw new Error('boom', { cause: new Error('reason') });
    });
    app.use(errorHandler());
    const { url } = await serve(app);
    app.set('env', 'test');
    await get(url);
    expect(printed).not.toHaveBeenCalled();
    app.set('env', 'production');
    await get(url);
    expect(printed).toHaveBeenCalledTimes(1);
    expect(printed.mock.calls[0]?.[0]).toMatch(/^Error: boom\n {4}at .*\nCaused by: Error: reason\n {4}at /s);
  });

  it('logs or prints an error once that wrapAsync or another error handler had before', async () => {
    const printed = jest.spyOn(console, 'error').mockImplementation(() => {});
    const logged: unknown[] = [];
    const logger = loggerTo(({ err }: { err: { message: string } }) => logged.push(err.message));
    const start = async (options?: Parameters<typeof errorHandler>[0]) => {
      const app = express();
      app.set('env', 'production');
      app.use(requestContext());
      app.get(
        '/',
        wrapAsync(async () => {
          throw new Error('rejected');
        }),
      );
      const passesOn: ErrorRequestHandler = (error, req, res, next) => {
        errorHandler(options)(error, req, res, () => {});
        next(error);
      };
      app.use(passesOn, errorHandler(options));
      await get((await serve(app)).url);
    };
    await start({ logger });
    expect(logged).toEqual(['rejected']);
    expect(printed).not.toHaveBeenCalled();
    await start();
    expect(printed.mock.calls).toEqual([[expect.stringMatching(/^Error: rejected\n {4}at /)]]);
  });
});

describe('errorHandler', () => {
  it('is named and has the arity that Express requires', () => {
    expect([errorHandler().name, errorHandler().length]).toEqual(['errorHandlerMiddleware', 4]);
    expect([notFound().name, notFound().length]).toEqual(['notFoundMiddleware', 3]);
  });

  it('names a wrong option', () => {
    expect(() => errorHandler({ exposeStacks: true } as never)).toThrow(/unknown option 'exposeStacks'/);
    expect(() => errorHandler({ exposeStack: 1 } as never)).toThrow(/got 1/);
    expect(() => errorHandler({ logger: {} } as never)).toThrow(
      /`logger` to be a logger with `info`, `warn` and `error`/,
    );
    expect(() => errorHandler({ exposeStack: undefined })).not.toThrow();
  });

  it.each([
    ['null', null],
    ['0', 0],
    ['false', false],
    ['undefined', undefined],
    ['an empty string', ''],
    ['a symbol', Symbol('s')],
    ['a BigInt', 10n],
    ['a function', () => {}],
    ['a revoked proxy', revoked()],
    ['a proxy that throws', throwing()],
    ['a null-prototype object', Object.create(null)],
    [
      'an error whose status throws',
      Object.defineProperty(new Error('x'), 'status', {
        get() {
          throw new Error('status');
        },
      }),
    ],
    ['a status that is no error', { status: 200, statusCode: 302 }],
    ['a fractional status', { status: 404.5 }],
    ['a status in text', { status: '404' }],
    ['headers that throw', { headers: throwing() }],
    ['headers that are no object', { headers: 'X: y' }],
  ])('responds to %s with 500, once, and reports it once', async (_what, error) => {
    const lines: unknown[] = [];
    const { url } = await serveError(error, { logger: loggerTo((...line) => lines.push(line)) });
    for (const headers of [json, html, text]) {
      const { status, cut } = await get(url, { headers });
      expect([status, cut]).toEqual([500, false]);
    }
    expect(lines).toHaveLength(3);
    expect(() => JSON.stringify(lines)).not.toThrow();
  });

  it('responds once when it is called twice while the request body still arrives', async () => {
    const handle = errorHandler({ logger: silentLogger });
    const { url } = await serve((req, res) => {
      handle(createError(409, 'first'), req, res, () => {});
      handle(createError(410, 'second'), req, res, () => {});
      notFound()(req, res, () => {});
    });
    const { status, cut } = await get(url, { method: 'POST', body: 'x'.repeat(300_000) });
    expect([status, cut]).toEqual([409, false]);
  });

  it('responds when its logger throws', async () => {
    const logger = loggerTo(() => {
      throw new Error('disk full');
    });
    const { url } = await serveError(new Error('x'), { logger });
    expect((await get(url)).status).toBe(500);
  });

  it('sends the response without the headers that are invalid', async () => {
    const headers = {
      'X-Good': 'yes',
      'X-List': ['a', 'b'],
      'Retry-After': 3,
      'X-Split': 'a\r\nX-Injected: 1',
      'X Bad Name': '1',
      '': '1',
      'X-Null': null,
      'X-Object': {},
      'X-Nested': ['a', { toString: () => 'b' }],
      'X-Huge': 'x'.repeat(1_000_000),
      'X-Emoji': '\u{1f600}',
      'X\r\nInjected': '1',
      get 'X-Throws'() {
        throw new Error('a getter');
      },
    };
    const { url } = await serveError({ status: 503, headers });
    const answer = await get(url);
    expect(answer.status).toBe(503);
    expect(answer.headers).toMatchObject({ 'x-good': 'yes', 'x-list': 'a, b', 'retry-after': '3' });
    expect(
      Object.keys(answer.headers)
        .filter((name) => name.startsWith('x-'))
        .sort(),
    ).toEqual(['x-content-type-options', 'x-good', 'x-list']);
  });

  it('ignores headers of the framing, in any case', async () => {
    const headers = {
      'Content-Length': '1',
      'transfer-ENCODING': 'chunked',
      Connection: 'upgrade',
      Upgrade: 'h2c',
      Trailer: 'x',
      'Keep-Alive': 'timeout=1',
      'Content-Encoding': 'gzip',
      'Content-Type': 'text/evil',
      'Content-Security-Policy': '*',
    };
    const { url } = await serveError({ status: 400, headers });
    const answer = await get(url, { headers: json });
    expect(answer).toMatchObject({ status: 400, cut: false });
    expect(JSON.parse(answer.text)).toMatchObject({ status: 400 });
    expect(answer.headers).toMatchObject({
      'content-length': String(answer.body.length),
      'content-type': 'application/problem+json',
      'content-security-policy': "default-src 'none'",
    });
    for (const name of ['transfer-encoding', 'upgrade', 'trailer', 'content-encoding']) {
      expect(answer.headers[name]).toBeUndefined();
    }
  });

  it('preserves headers that belong to the response: Content-Range of a 416, Allow, an explicit Cache-Control', async () => {
    const headers = { 'Content-Range': 'bytes */10', Allow: 'GET', 'Cache-Control': 'max-age=60' };
    const { url } = await serveError({ status: 416, headers });
    expect((await get(url)).headers).toMatchObject({
      'content-range': 'bytes */10',
      allow: 'GET',
      'cache-control': 'max-age=60',
    });
  });

  it('removes the headers of the failed representation, including its chunked framing', async () => {
    const handle = errorHandler({ logger: silentLogger });
    const { url } = await serve((req, res) => {
      res.setHeader('Content-Encoding', 'gzip');
      res.setHeader('Content-Disposition', 'attachment');
      res.setHeader('ETag', '"1"');
      res.setHeader('Transfer-Encoding', 'chunked');
      res.setHeader('Vary', ['Origin', 'Cookie']);
      handle(new Error('x'), req, res, () => {});
    });
    const { headers, cut } = await get(url);
    expect(cut).toBe(false);
    for (const name of ['content-encoding', 'content-disposition', 'etag', 'transfer-encoding']) {
      expect(headers[name]).toBeUndefined();
    }
    expect(headers.vary).toBe('Origin, Cookie, Accept');
  });

  it.each([
    'Expires',
    'Surrogate-Control',
    'X-Accel-Expires',
    'CDN-Cache-Control',
    'Cloudflare-CDN-Cache-Control',
    'Edge-Control',
    'Content-Location',
    'Content-Digest',
    'Repr-Digest',
    'Digest',
    'Content-MD5',
  ])(
    'removes %s of the route, because of which a cache would store the error or a client refuse it',
    async (name) => {
      const handle = errorHandler({ logger: silentLogger });
      const { url } = await serve((req, res) => {
        res.setHeader(
          name,
          name === 'Expires' ? new Date(Date.now() + 600_000).toUTCString() : 'max-age=600',
        );
        handle(new Error('x'), req, res, () => {});
      });
      const { headers } = await get(url);
      expect(headers[name.toLowerCase()]).toBeUndefined();
      expect(headers['cache-control']).toBe('no-store');
    },
  );

  it.each(['-1', '0', new Date(0).toUTCString()])(
    'preserves Expires: %s, which agrees with no-store',
    async (expires) => {
      const handle = errorHandler({ logger: silentLogger });
      const { url } = await serve((req, res) => {
        res.setHeader('Expires', expires);
        handle(new Error('x'), req, res, () => {});
      });
      expect((await get(url)).headers.expires).toBe(expires);
    },
  );

  it('reads a Vary of 60 kB in linear time', async () => {
    const handle = errorHandler({ logger: silentLogger });
    const { url } = await serve((req, res) => {
      res.setHeader('Vary', `a${' '.repeat(60_000)}b , accept`);
      handle(new Error('x'), req, res, () => {});
    });
    const begin = performance.now();
    const { headers } = await get(url, { maxHeaderSize: 100_000 });
    expect(headers.vary).toMatch(/b , accept$/);
    expect(performance.now() - begin).toBeLessThan(1000);
  });

  it.each([
    ['application/json', 'application/problem+json'],
    ['application/problem+json', 'application/problem+json'],
    ['text/plain;q=0.5, application/json', 'application/problem+json'],
    ['application/json;q=0.5, text/plain', 'text/plain; charset=utf-8'],
    ['text/html', 'text/html; charset=utf-8'],
    ['text/*', 'text/html; charset=utf-8'],
    ['application/*', 'application/problem+json'],
    ['image/webp,*/*;q=0.1', 'text/html; charset=utf-8'],
    ['image/webp', 'application/problem+json'],
    ['*/*;q=0', 'application/problem+json'],
    ['not a media type at all', 'application/problem+json'],
    ['"'.repeat(1) + ','.repeat(12_000), 'application/problem+json'],
    [`${'a/b,'.repeat(3000)}text/html`, 'application/problem+json'],
  ])('responds to Accept: %s', async (accept, type) => {
    const { url } = await serveError(createError(422, 'bad cow'));
    const { headers, status } = await get(url, { headers: { accept } });
    expect(status).toBe(422);
    expect(headers).toMatchObject({
      'content-type': type,
      vary: 'Accept',
      'x-content-type-options': 'nosniff',
      'cache-control': 'no-store',
    });
  });

  it('responds to HEAD with the headers of GET and no body', async () => {
    const { url } = await serveError(createError(403, 'no'));
    for (const headers of [html, json, text]) {
      const [got, head] = [await get(url, { headers }), await get(url, { headers, method: 'HEAD' })];
      const { date: _, ...expected } = got.headers;
      expect(head).toMatchObject({ status: 403, text: '', cut: false, headers: expected });
    }
  });

  it('responds to HEAD of an unknown path with the headers of GET', async () => {
    const { url } = await serve((req, res) => notFound()(req, res, () => {}));
    const { date: _, ...headers } = (await get(url)).headers;
    expect(await get(url, { method: 'HEAD' })).toMatchObject({ status: 404, text: '', headers });
  });

  it('resets by RST where the end of the connection would mean the end of the body', async () => {
    const handle = errorHandler({ logger: silentLogger });
    const received = deferred();
    const { port } = await serve((req, res) => {
      res.write('half');
      void received.promise.then(() => handle(new Error('x'), req, res, () => {}));
    });
    const client = net.connect(port, '127.0.0.1', () => client.write('GET / HTTP/1.0\r\n\r\n'));
    client.on('data', () => received.resolve());
    const [error] = await once(client, 'error');
    expect(error).toMatchObject({ code: 'ECONNRESET' });
  });

  it('bounds a message of 5 MB and escapes its HTML', async () => {
    const message = `<script>alert(1)</script>\u0000\u001b[31m${'x'.repeat(5_000_000)}`;
    const lines: unknown[] = [];
    const logger = loggerTo((line) => lines.push(line));
    const { url } = await serveError(createError(400, message), { logger });
    for (const headers of [json, html, text]) {
      const { body, text } = await get(url, { headers });
      expect(body.length).toBeLessThan(2500);
      expect(text).not.toMatch(/[^\P{Cc}\n]/u);
    }
    expect((await get(url, { headers: html })).text).toContain('&lt;script&gt;');
    expect((await get(url, { headers: html })).text).not.toContain('<script>');
    expect(JSON.stringify(lines[0]).length).toBeLessThan(20_000);
  });

  it('reports causes and aggregates to a fixed depth, cycles included', async () => {
    const cycle = new Error('cycle') as Error & { cause: unknown };
    cycle.cause = new Error('middle', { cause: cycle });
    let deep = new Error('level 0');
    for (let i = 1; i < 1000; i++) deep = new Error(`level ${i}`, { cause: deep });
    let wide: Error = new Error('leaf');
    for (let i = 0; i < 50; i++) wide = new AggregateError(Array(1000).fill(wide), `wide ${i}`);
    for (const error of [cycle, deep, wide]) {
      const lines: string[] = [];
      const logger = loggerTo((line) => lines.push(JSON.stringify(line)));
      const { url } = await serveError(error, { logger });
      expect((await get(url)).status).toBe(500);
      expect(lines[0]?.length).toBeLessThan(100_000);
      expect(lines[0]).toMatch(/middle|level 995|wide 46/);
      expect(lines[0]).not.toMatch(/level 900|wide 40/);
    }
  });

  it('sends no more about a 5xx than the request id', async () => {
    const handle = errorHandler();
    const express = expressVersions[1]?.[1];
    const app = express?.() as import('express').Express;
    app.use(requestContext());
    app.use((_req, _res, next) => next(createError(503, 'db at 10.0.0.7', { expose: true })));
    app.use(handle);
    const { url } = await serve(app);
    for (const headers of [json, html, text]) {
      const answer = await get(url, { headers });
      expect(answer.text).not.toContain('10.0.0.7');
      expect(answer.text).toContain(answer.headers['x-request-id']);
    }
    const { text: body, headers } = await get(url, { headers: json });
    expect(JSON.parse(body)).toEqual({
      type: 'about:blank',
      title: 'Service Unavailable',
      status: 503,
      detail: 'The server could not complete the request.',
      requestId: headers['x-request-id'],
    });
  });

  it.each([
    [createError(404, 'no cow 7'), true],
    [createError(404, 'no cow 7', { expose: false }), false],
    [Object.assign(new Error('no cow 7'), { status: 404 }), false],
    [Object.assign(new Error('no cow 7'), { status: 404, expose: true }), true],
    [Object.assign(new Error('no cow 7'), { status: 404, expose: 'true' }), false],
  ])('sends the message of a 4xx only where it is exposed (%#)', async (error, given) => {
    const { url } = await serveError(error);
    for (const headers of [json, html, text]) {
      expect((await get(url, { headers })).text.includes('no cow 7')).toBe(given);
    }
  });

  it('does not change a response that a handler began while the request body arrived', async () => {
    const handle = errorHandler({ logger: silentLogger });
    const { url } = await serve((req, res) => {
      handle(new Error('x'), req, res, () => {});
      res.end('own');
    });
    const { status, text, cut } = await get(url, { method: 'POST', body: 'x'.repeat(200_000) });
    expect([status, text, cut]).toEqual([200, 'own', false]);
  });

  it('responds though a listener for readable prevents the body from flowing', async () => {
    const handle = errorHandler({ logger: silentLogger });
    const { url } = await serve((req, res) => {
      req.on('readable', () => {});
      handle(new Error('x'), req, res, () => {});
    });
    expect((await get(url, { method: 'POST', body: 'x' })).status).toBe(500);
  });

  it('does nothing, and does not throw, when the client has disconnected', async () => {
    const handle = errorHandler({ logger: silentLogger });
    const done = deferred<boolean>();
    const { url } = await serve((req, res) => {
      res.on('close', () => {
        handle(new Error('x'), req, res, () => {});
        setImmediate(() => done.resolve(true));
      });
      client.destroy();
    });
    const client = http.get(url).on('error', () => {});
    expect(await done.promise).toBe(true);
  });
});
