import { once } from 'node:events';
import fs from 'node:fs';
import http from 'node:http';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { PassThrough, pipeline, Readable, Stream, Transform, Writable } from 'node:stream';
import { pipeline as pipelinePromise } from 'node:stream/promises';
import { ReadableStream } from 'node:stream/web';
import zlib from 'node:zlib';
import compressionPackage from 'compression';
import type { ErrorRequestHandler, NextFunction, Request, Response } from 'express';
import { bindStreamErrors, compression, errorHandler, requestContext } from '../../../src/index.js';
import { protectPipes } from '../../../src/middleware/stream-errors/pipe-protection.js';
import { pipeSourceOf, recordPipeSources } from '../../../src/middleware/stream-errors/pipe-sources.js';
import { contextOf } from '../../../src/support/context/context.js';
import { deferred } from '../../helpers/deferred.js';
import { type Express, expressVersions } from '../../helpers/express-versions.js';
import { silentLogger } from '../../helpers/part-logger.js';
import { killAll, run } from '../../helpers/program.js';
import { closeAll, get, raw, serve } from '../../helpers/serve.js';
import { closeOf, endless, failing, guarded, readAndLeave } from '../../helpers/streaming.js';

const missing = path.join(tmpdir(), 'express-productionize', 'no such file');
let undo: () => void;
let folder: string;
let small: string;

beforeAll(() => {
  undo = recordPipeSources();
  folder = fs.mkdtempSync(path.join(tmpdir(), 'streams-'));
  small = path.join(folder, 'small.txt');
  fs.writeFileSync(small, 'all of it');
});
afterAll(() => {
  undo();
  fs.rmSync(folder, { recursive: true });
});
afterEach(async () => {
  killAll();
  await closeAll();
});

describe.each(expressVersions)('guarded pipes on %s', (_name, express) => {
  const serveRoutes = async (routes: (app: Express) => void) => {
    const { app, errors } = guarded(express, routes);
    return { ...(await serve(app)), errors };
  };

  const serveHandler = (handler: (req: Request, res: Response, next: NextFunction) => void) =>
    serveRoutes((app) => void app.use('/', handler));

  it.each([
    ['a pipe', (res: Response) => fs.createReadStream(missing).pipe(res)],
    ['a chain', (res: Response) => fs.createReadStream(missing).pipe(zlib.createGzip()).pipe(res)],
    [
      'a long chain',
      (res: Response) =>
        fs
          .createReadStream(missing)
          .pipe(new PassThrough())
          .pipe(new PassThrough())
          .pipe(zlib.createGzip())
          .pipe(res),
    ],
    [
      'a chain that is connected backwards',
      (res: Response) => {
        const gzip = zlib.createGzip();
        gzip.pipe(res);
        const middle = new PassThrough();
        middle.pipe(gzip);
        fs.createReadStream(missing).pipe(middle);
      },
    ],
  ])('responds with 404 for a missing file in %s', async (_what, pipe) => {
    const { url, errors } = await serveHandler((_req, res) => void pipe(res));
    for (const method of ['GET', 'HEAD']) {
      const { status, text, cut } = await get(url, { method });
      expect([status, cut]).toEqual([404, false]);
      expect(text).not.toContain('ENOENT');
    }
    expect(errors).toMatchObject([{ code: 'ENOENT' }, { code: 'ENOENT' }]);
  });

  it('responds with 500 for a file that cannot be read, and for a source that fails immediately', async () => {
    const { url } = await serveRoutes((app) => {
      app.get('/folder', (_req, res) => void fs.createReadStream(folder).pipe(res));
      app.get('/source', (_req, res) => void failing(0).pipe(res));
      app.get('/frozen', (_req, res) => void failing(0, Object.freeze(new Error('x'))).pipe(res));
      app.get('/closed', (_req, res) => {
        const source = new PassThrough();
        source.pipe(res);
        source.destroy();
      });
    });
    for (const route of ['/folder', '/source', '/frozen', '/closed']) {
      expect((await get(url + route)).status).toBe(500);
    }
  });

  it('fails the context of the request, so that its log line names error and route', async () => {
    const { url } = await serveRoutes((app) => {
      app.use(requestContext());
      app.get('/file/:name', (req, res) => {
        res.on('close', () => seen.resolve([contextOf(req)?.error, contextOf(req)?.route]));
        fs.createReadStream(missing).pipe(res);
      });
    });
    const seen = deferred<unknown>();
    expect((await get(`${url}/file/7`)).status).toBe(404);
    expect(await seen.promise).toMatchObject([{ code: 'ENOENT' }, '/file/:name']);
  });

  it('the error of a missing file has the `statusCode` that handlers of apps read, unless it has another', async () => {
    const app = express();
    app.use((_req, res, next) => {
      protectPipes(res);
      next();
    });
    app.get('/gone', (_req, res) => {
      failing(0, Object.assign(new Error('gone'), { code: 'ENOENT', statusCode: 410 })).pipe(res);
    });
    app.get('/', (_req, res) => void fs.createReadStream(missing).pipe(res));
    app.use(((error, _req, res, _next) => {
      res.status(error.statusCode).json([error.status, error.expose]);
    }) as ErrorRequestHandler);
    const { url } = await serve(app);
    expect(await get(url)).toMatchObject({ status: 404, text: '[404,false]' });
    expect((await get(`${url}/gone`)).status).toBe(410);
  });

  it('responds without Express as well', async () => {
    const { url } = await serve((_req, res) => {
      protectPipes(res);
      fs.createReadStream(missing).pipe(res);
    });
    jest.spyOn(console, 'error').mockImplementation(() => {});
    expect(await get(url)).toMatchObject({ status: 404, cut: false });
    jest.restoreAllMocks();
  });

  it('delivers files, chains and slow readers unchanged', async () => {
    const bytes = Buffer.alloc(3_000_000, 'abcdefghij');
    const big = path.join(folder, 'big.bin');
    fs.writeFileSync(big, bytes);
    const { url } = await serveRoutes((app) => {
      app.get('/file', (_req, res) => void fs.createReadStream(big).pipe(res));
      app.get('/gzip', (_req, res) => void fs.createReadStream(big).pipe(zlib.createGzip()).pipe(res));
    });
    expect((await get(`${url}/file`)).body.equals(bytes)).toBe(true);
    expect(zlib.gunzipSync((await get(`${url}/gzip`)).body).equals(bytes)).toBe(true);
  });

  it('respects back-pressure: a source pauses for a client that does not read', async () => {
    const source = endless();
    const { url } = await serveHandler((_req, res) => void source.pipe(res));
    const req = http.get(url).on('error', () => {});
    await Promise.all([once(source, 'pause'), once(req, 'response')]);
    expect(source.reads).toBeLessThan(1000);
    req.destroy();
    await closeOf(source);
  });

  describe('the client disconnects', () => {
    it.each([
      ['a pipe', (source: Readable, res: Response) => source.pipe(res)],
      ['a chain', (source: Readable, res: Response) => source.pipe(new PassThrough()).pipe(res)],
      [
        'a chain with gzip',
        (source: Readable, res: Response) => source.pipe(zlib.createGzip({ level: 0 })).pipe(res),
      ],
      ['pipeline', (source: Readable, res: Response) => pipeline(source, new PassThrough(), res, () => {})],
      ['promises', (source: Readable, res: Response) => void pipelinePromise(source, res).catch(() => {})],
    ])('destroys the source of %s', async (_what, send) => {
      const source = endless();
      const { port, errors } = await serveHandler((_req, res) => void send(source, res));
      await readAndLeave(port, '/');
      await closeOf(source);
      expect(source.destroyed).toBe(true);
      expect(errors).toEqual([]);
    });

    it.each([
      ['Readable.fromWeb', (web: ReadableStream, res: Response) => Readable.fromWeb(web).pipe(res)],
      [
        'pipeTo',
        (web: ReadableStream, res: Response) => void web.pipeTo(Writable.toWeb(res)).catch(() => {}),
      ],
    ])('lets a web stream see cancel() through %s', async (_what, send) => {
      const cancelled = deferred();
      const web = new ReadableStream({
        async pull(controller) {
          await new Promise(setImmediate);
          controller.enqueue(Buffer.alloc(16_384));
        },
        cancel: () => cancelled.resolve(),
      });
      const { port } = await serveHandler((_req, res) => void send(web, res));
      await readAndLeave(port, '/');
      await cancelled.promise;
    });

    it('destroys a source that is piped after the client disconnected', async () => {
      const source = endless();
      const closed = deferred();
      const { port } = await serveHandler((_req, res) => {
        res.write('x');
        res.on('close', () =>
          setImmediate(() => {
            source.pipe(res);
            closed.resolve();
          }),
        );
      });
      await readAndLeave(port, '/');
      await closed.promise;
      await closeOf(source);
    });

    it('does not destroy a source that is also piped elsewhere', async () => {
      const source = endless();
      const sink = new Writable({ write: (_chunk, _encoding, done) => void setImmediate(done) });
      const left = deferred();
      const { port } = await serveHandler((_req, res) => {
        source.pipe(sink);
        source.pipe(res);
        res.on('close', () => setImmediate(() => left.resolve()));
      });
      await readAndLeave(port, '/');
      await left.promise;
      expect(source.destroyed).toBe(false);
      expect(source.listenerCount('error')).toBe(0);
      source.destroy();
    });
  });

  it('resets the response when a source fails midway, under compression too', async () => {
    const chains: ((res: Response) => void)[] = [
      (res) => failing(3).pipe(res),
      (res) => failing(3).pipe(new PassThrough()).pipe(res),
      (res) =>
        failing(3)
          .pipe(zlib.createGzip({ flush: zlib.constants.Z_SYNC_FLUSH } as zlib.ZlibOptions))
          .pipe(res),
      (res) => pipeline(failing(3), res, () => {}),
    ];
    for (const middleware of [
      undefined,
      compressionPackage({ threshold: 0 }),
      compression({ threshold: 0 }),
    ]) {
      for (const chain of chains) {
        const { url } = await serveRoutes((app) => {
          if (middleware) app.use(middleware);
          app.get('/', (_req, res) => {
            res.type('text');
            res.write('begun\n');
            (res as Response & { flush?(): void }).flush?.();
            chain(res);
          });
        });
        const answer = get(url, { headers: { 'accept-encoding': 'gzip' } });
        const cut = await answer.then(
          ({ cut }) => cut,
          () => true,
        );
        expect(cut).toBe(true);
      }
    }
  });

  it('resets when an upstream server dies midway', async () => {
    const upstream = await serve((_req, res) => {
      res.write('half');
      setImmediate(() => res.destroy());
    });
    const { url } = await serveHandler((_req, res) => {
      http.get(upstream.url, (answer) => answer.pipe(res)).on('error', () => res.destroy());
    });
    expect(
      await get(url).then(
        ({ cut }) => cut,
        () => true,
      ),
    ).toBe(true);
  });

  it('records the error of an interrupted response on its context', async () => {
    const closed = deferred<unknown>();
    const { url } = await serveRoutes((app) => {
      app.use(requestContext());
      app.get('/', (req, res) => {
        res.on('close', () => closed.resolve(contextOf(req)?.error));
        res.write('begun');
        failing(1).pipe(res);
      });
    });
    jest.spyOn(console, 'error').mockImplementation(() => {});
    await get(url).catch(() => {});
    expect(await closed.promise).toMatchObject({ message: 'source failed' });
    jest.restoreAllMocks();
  });

  describe('HEAD', () => {
    it.each([
      ['a pipe', (source: Readable, res: Response) => source.pipe(res)],
      ['a chain', (source: Readable, res: Response) => source.pipe(new PassThrough()).pipe(res)],
      ['pipeline', (source: Readable, res: Response) => pipeline(source, res, () => {})],
      [
        'a pipeline chain',
        (source: Readable, res: Response) => pipeline(source, new PassThrough(), res, () => {}),
      ],
      [
        'a chain that is connected backwards',
        (source: Readable, res: Response) => {
          const gzip = zlib.createGzip();
          gzip.pipe(res);
          source.pipe(gzip);
        },
      ],
    ])('reads nothing through %s, and the source is destroyed', async (_what, send) => {
      const source = endless();
      const { url, errors } = await serveHandler((_req, res) => {
        send(source, res);
        res.status(201).set('X-After', 'pipe');
      });
      const { status, headers, text, cut } = await get(url, { method: 'HEAD' });
      await closeOf(source);
      expect([status, headers['x-after'], text, cut, errors]).toEqual([201, 'pipe', '', false, []]);
      expect([source.reads, source.destroyed]).toEqual([0, true]);
    });

    it('does not read a file, closes it, and passes no error to its pipeline callback', async () => {
      for (const inPipeline of [false, true]) {
        const file = fs.createReadStream(small);
        const called = deferred<unknown>();
        const { url } = await serveHandler((_req, res) => {
          if (inPipeline) pipeline(file, zlib.createGzip(), res, (error) => called.resolve(error));
          else file.pipe(res).on('close', () => called.resolve(undefined));
        });
        expect(await get(url, { method: 'HEAD' })).toMatchObject({ status: 200, cut: false });
        await closeOf(file);
        expect([file.bytesRead, (await called.promise) ?? undefined]).toEqual([0, undefined]);
      }
    });

    it('the connection stays usable', async () => {
      const { port } = await serveHandler((_req, res) => void fs.createReadStream(small).pipe(res));
      const head = 'HEAD / HTTP/1.1\r\nHost: x\r\n\r\n';
      const answers = await raw(port, `${head}${head}GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`);
      expect(answers.match(/HTTP\/1.1 200 OK/g)).toHaveLength(3);
      expect(answers).toMatch(/all of it/);
    });
  });

  describe('apps that handle the errors themselves', () => {
    it.each([
      ['at once', (answer: () => void) => answer()],
      ['a little later', (answer: () => void) => void setTimeout(answer, 50)],
    ])('a listener that responds %s', async (_when, schedule) => {
      const { url, errors } = await serveHandler((_req, res) => {
        const file = fs.createReadStream(missing);
        file.on('error', () => schedule(() => void res.status(410).send('own')));
        file.pipe(res);
      });
      expect(await get(url)).toMatchObject({ status: 410, text: 'own' });
      expect(errors).toEqual([]);
    });

    it('a listener that pipes something else', async () => {
      const { url } = await serveHandler((_req, res) => {
        fs.createReadStream(missing)
          .on('error', () => fs.createReadStream(small).pipe(res))
          .pipe(res);
      });
      expect(await get(url)).toMatchObject({ status: 200, text: 'all of it' });
    });

    it('the client receives a response if a listener only observes the error', async () => {
      const noted: unknown[] = [];
      const { url } = await serveHandler((_req, res) => {
        fs.createReadStream(missing)
          .on('error', (error) => noted.push(error))
          .pipe(res);
      });
      expect(await get(url)).toMatchObject({ status: 404 });
      expect(noted).toHaveLength(1);
    });

    it('stream.pipeline() ends the connection and calls back once, as before', async () => {
      for (const guard of [true, false]) {
        const calls: unknown[] = [];
        const app = express();
        app.get('/', (_req, res) => {
          if (guard) protectPipes(res);
          pipeline(fs.createReadStream(missing), zlib.createGzip(), res, (error) => calls.push(error));
        });
        const { url } = await serve(app);
        await expect(get(url)).rejects.toMatchObject({ code: 'ECONNRESET' });
        expect(calls).toMatchObject([{ code: 'ENOENT' }]);
      }
    });

    it('pipeline of stream/promises rejects, and its error causes no second response', async () => {
      const rejected = deferred<unknown>();
      const { url, errors } = await serveHandler((_req, res, next) => {
        pipelinePromise(fs.createReadStream(missing), res).catch((error) => {
          rejected.resolve(error);
          next(error);
        });
      });
      await expect(get(url)).rejects.toMatchObject({ code: 'ECONNRESET' });
      expect(await rejected.promise).toMatchObject({ code: 'ENOENT' });
      expect(errors).toHaveLength(1);
    });

    it('pipeline completes as before', async () => {
      const called = deferred<unknown>();
      const { url } = await serveHandler((_req, res) => {
        pipeline(fs.createReadStream(small), new PassThrough(), res, (error) => called.resolve(error));
      });
      expect(await get(url)).toMatchObject({ status: 200, text: 'all of it', cut: false });
      expect(await called.promise).toBeFalsy();
    });

    it.each(['sendFile', 'download'] as const)('res.%s responds and calls back as before', async (method) => {
      const called = deferred<unknown>();
      const { url, errors } = await serveRoutes((app) => {
        app.get('/good', (_req, res) => res[method](small, (error: unknown) => called.resolve(error)));
        app.get('/missing', (_req, res) => res[method](missing));
      });
      expect(await get(`${url}/good`)).toMatchObject({ status: 200, text: 'all of it' });
      expect(await called.promise).toBeUndefined();
      expect((await get(`${url}/good`, { method: 'HEAD' })).headers['content-length']).toBe('9');
      expect((await get(`${url}/missing`)).status).toBe(404);
      expect(errors).toHaveLength(1);
    });

    it('a handler that unpipes its source from the response', async () => {
      const source = new PassThrough();
      const { url } = await serveHandler((_req, res) => {
        source.pipe(res);
        source.unpipe(res);
        res.end('own');
      });
      expect((await get(url)).text).toBe('own');
      expect([source.destroyed, source.listenerCount('error')]).toEqual([false, 0]);
    });
  });

  it('guards streams of old versions of Node, without destroy and unpipe', async () => {
    const { url } = await serveHandler((req, res) => {
      const old = new Stream();
      old.pipe(res);
      setImmediate(() => {
        if (req.path === '/bad') old.emit('error', new Error('old'));
        else for (const event of ['data', 'end']) old.emit(event, 'old');
      });
    });
    expect(await get(url)).toMatchObject({ status: 200, text: 'old' });
    expect((await get(`${url}/bad`)).status).toBe(500);
    expect((await get(url, { method: 'HEAD' })).status).toBe(200);
  });

  it('guards several sources one after the other', async () => {
    const { url } = await serveHandler((_req, res) => {
      const first = Readable.from(['one ']);
      first.pipe(res, { end: false });
      first.on('end', () => Readable.from(['two']).pipe(res));
    });
    expect(await get(url)).toMatchObject({ status: 200, text: 'one two' });
  });

  it('guards the streams that an error handler pipes', async () => {
    const app = express();
    app.use((_req, res, next) => {
      protectPipes(res);
      next();
    });
    app.get('/', (_req, res) => void fs.createReadStream(missing).pipe(res));
    app.use(((_error, req, res, _next) => {
      res.status(404);
      fs.createReadStream(req.query.page === 'missing' ? missing : small).pipe(res);
    }) as import('express').ErrorRequestHandler);
    app.use(errorHandler({ logger: silentLogger }));
    const { url } = await serve(app);
    expect(await get(url)).toMatchObject({ status: 404, text: 'all of it' });
    expect(await get(`${url}/?page=missing`)).toMatchObject({ status: 404 });
  });

  it('ignores a pipe into a response that has ended', async () => {
    const source = endless();
    const { url } = await serveHandler((_req, res) => {
      res.end('done');
      source.pipe(res);
    });
    expect((await get(url)).text).toBe('done');
    await closeOf(source);
  });

  it('never destroys the request, which carries the connection', async () => {
    const { url, server } = await serveHandler((req, res) => void req.pipe(new PassThrough()).pipe(res));
    let connections = 0;
    server.on('connection', () => connections++);
    const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
    const body = 'x'.repeat(500_000);
    for (let i = 0; i < 2; i++) expect((await get(url, { method: 'POST', body, agent })).text).toBe(body);
    expect(connections).toBe(1);
    agent.destroy();
  });

  describe('bindStreamErrors', () => {
    const serveBound = (handler: (req: Request, res: Response, next: NextFunction) => void) => {
      const app = express();
      const errors: unknown[] = [];
      app.use('/', handler);
      const handle = errorHandler({ logger: silentLogger });
      app.use(((error, req, res, next) => {
        errors.push(error);
        handle(error, req, res, next);
      }) as import('express').ErrorRequestHandler);
      return serve(app).then((served) => ({ ...served, errors }));
    };

    it('sends errors to next before the headers, also of a chain', async () => {
      const { url, errors } = await serveBound((_req, res, next) => {
        const chain = [fs.createReadStream(missing), zlib.createGzip()] as const;
        bindStreamErrors(chain, res, next);
        chain[0].pipe(chain[1]).pipe(res);
      });
      expect((await get(url)).status).toBe(404);
      expect(errors).toHaveLength(1);
    });

    it('resets after the headers', async () => {
      const { url, errors } = await serveBound((_req, res, next) => {
        res.write('begun');
        const source = failing(2);
        bindStreamErrors(source, res, next);
        source.pipe(res);
      });
      expect(
        await get(url).then(
          ({ cut }) => cut,
          () => true,
        ),
      ).toBe(true);
      expect(errors).toEqual([]);
    });

    it('destroys every stream of a chain when the client disconnects', async () => {
      const chain = [endless(), new PassThrough(), new PassThrough()] as const;
      const { port } = await serveBound((_req, res, next) => {
        bindStreamErrors(chain, res, next);
        chain[0].pipe(chain[1]).pipe(chain[2]).pipe(res);
      });
      await readAndLeave(port, '/');
      await Promise.all(chain.map(closeOf));
    });

    it('cancels a web stream when the client disconnects', async () => {
      const cancelled = deferred<unknown>();
      const { port } = await serveBound((_req, res) => {
        bindStreamErrors(new ReadableStream({ cancel: (reason) => cancelled.resolve(reason) }), res);
        res.write('x');
      });
      await readAndLeave(port, '/');
      expect(await cancelled.promise).toMatchObject({ name: 'AbortError' });
    });

    it('responds to HEAD and reads nothing', async () => {
      const source = endless();
      const { url } = await serveBound((_req, res, next) => {
        bindStreamErrors(source, res, next);
        source.pipe(res);
      });
      expect(await get(url, { method: 'HEAD' })).toMatchObject({ status: 200, text: '' });
      await closeOf(source);
      expect(source.reads).toBe(0);
    });

    it('adds no listener the second time, and its undo does not change the stream', async () => {
      const source = endless();
      const left = deferred();
      const { port } = await serveBound((_req, res, next) => {
        bindStreamErrors(source, res, next);
        const counts = () => ['error', 'close', 'pipe', 'unpipe'].map((event) => source.listenerCount(event));
        const once = counts();
        const undo = bindStreamErrors(source, res, next);
        expect(counts()).toEqual(once);
        undo();
        undo();
        expect(counts()).toEqual([0, 0, 0, 0]);
        source.pipe(res);
        res.on('close', () => setImmediate(left.resolve));
      });
      await readAndLeave(port, '/');
      await left.promise;
      expect(source.destroyed).toBe(false);
      source.destroy();
    });
  });
});

describe('bindStreamErrors', () => {
  it.each([null, undefined, 'text', {}, new Blob([]), [null]])('refuses %p', (value) => {
    expect(() =>
      bindStreamErrors(value as never, new http.ServerResponse(new http.IncomingMessage(null as never))),
    ).toThrow(expect.objectContaining({ code: 'ERR_PRODUCTIONIZE_STREAM' }));
  });
});

describe('protectPipes', () => {
  it('adds one listener, shared by all responses', () => {
    const responses = [0, 1].map(() => new http.ServerResponse(new http.IncomingMessage(null as never)));
    for (const res of responses) protectPipes(res);
    for (const res of responses) protectPipes(res);
    const [first, second] = responses.map((res) => res.listeners('pipe'));
    expect(first).toHaveLength(1);
    expect(first).toEqual(second);
  });
});

describe('recordPipeSources', () => {
  it('patches pipe once, and removes the patch with the last user', () => {
    const patched = Readable.prototype.pipe;
    const second = recordPipeSources();
    expect(Readable.prototype.pipe).toBe(patched);
    second();
    second();
    expect(Readable.prototype.pipe).toBe(patched);
    undo();
    expect(Readable.prototype.pipe).not.toBe(patched);
    undo = recordPipeSources();
  });

  it('preserves name, arity, return value and exceptions of pipe', () => {
    const destination = new PassThrough();
    const source = new Transform();
    expect(source.pipe(destination)).toBe(destination);
    expect(pipeSourceOf(destination)).toBe(source);
    expect([source.pipe.name, source.pipe.length]).toEqual(['pipe', 2]);
    expect(() => source.pipe(undefined as never)).toThrow(/undefined/);
  });

  it('does not remove a patch that was applied later', () => {
    const ours = Readable.prototype.pipe;
    Readable.prototype.pipe = function pipe(this: Readable, ...args: Parameters<typeof ours>) {
      return ours.apply(this, args);
    } as typeof ours;
    const theirs = Readable.prototype.pipe;
    undo();
    expect(Readable.prototype.pipe).toBe(theirs);
    const destination = new PassThrough().pipe(new PassThrough());
    expect(pipeSourceOf(destination)).toBeUndefined();
    Readable.prototype.pipe = ours;
    undo = recordPipeSources();
    expect(Readable.prototype.pipe).toBe(ours);
  });
});

describe('descriptors', () => {
  it.each(['pipe', 'chain', 'pipeline', 'promises', 'sendFile', 'big.bin', 'web', 'response'])(
    'no descriptor remains open after the client aborted a %s',
    async (route) => {
      const program = run('streams.mjs', { args: [require.resolve('express')] });
      const port = await program.port();
      await readAndLeave(port, `/${route}`);
      await program.line(/^closed$/);
      expect((await get(`http://127.0.0.1:${port}/descriptors`)).text).toBe('0');
    },
  );

  it('continues after a missing file', async () => {
    const program = run('streams.mjs', { args: [require.resolve('express')] });
    const url = `http://127.0.0.1:${await program.port()}`;
    expect((await get(`${url}/missing`)).status).toBe(404);
    expect((await get(`${url}/missing-chain`)).status).toBe(404);
    expect((await get(`${url}/descriptors`)).text).toBe('0');
    expect(program.child.exitCode).toBeNull();
  });
});
