import { once } from 'node:events';
import http, { type IncomingMessage, type Server, ServerResponse } from 'node:http';
import http2 from 'node:http2';
import type { Duplex } from 'node:stream';
import { pipeline } from 'node:stream';
import type { Application, Request, RequestHandler, Response } from 'express';
import helmet from 'helmet';
import onFinished from 'on-finished';
import { createLogger, deadline, errorHandler, productionize, requestLogger } from '../../../src/index.js';
import { Connection } from '../../helpers/connection.js';
import { deferred } from '../../helpers/deferred.js';
import { expressVersions } from '../../helpers/express-versions.js';
import { closeHttp2, serveHttp2 } from '../../helpers/http2.js';
import { type Line, memoryLog } from '../../helpers/memory-log.js';
import { closeAll, get, serve } from '../../helpers/serve.js';
import { endless, failing } from '../../helpers/streaming.js';

afterEach(closeAll);
afterEach(closeHttp2);

const large = Buffer.alloc(8 << 20, 'x');
const path = '/shops/7';
const request = (head = '', method = 'GET', target = path) =>
  `${method} ${target} HTTP/1.1\r\nHost: x\r\n${head}\r\n`;

/** What the line of a request states. */
interface Expected {
  readonly outcome: 'completed' | 'aborted';
  readonly level: number;
  readonly status: number | null;
  readonly route: string | undefined;
}

const [info, warn, error] = [30, 40, 50];
const route = '/shops/:shop';
const completed = (status = 200, level = info): Expected => ({ outcome: 'completed', level, status, route });
const aborted = (level = info): Expected => ({ outcome: 'aborted', level, status: null, route });

interface Client {
  readonly port: number;
  readonly server: Server;
  /** Resolves when the handler has been called this often. */
  reached(times?: number): Promise<void>;
}

interface Ending {
  readonly handler: RequestHandler;
  /** What the client does; by default it sends one request and reads its response. */
  readonly client?: (client: Client) => Promise<unknown>;
  /** The lines of its requests, in any order. */
  readonly lines: readonly Expected[];
  /** Milliseconds of the deadline part. */
  readonly deadlineMs?: number;
  /** The only way to attach the logger in which there is a line. */
  readonly only?: 'productionized';
  /** Why on-finished is no witness here. */
  readonly witness?:
    | 'sees bytes as sent that a destroyed connection dropped'
    | 'counts no bytes'
    | 'is not called';
}

const dropped = { witness: 'sees bytes as sent that a destroyed connection dropped' } as const;
const lacking = { witness: 'counts no bytes' } as const;
const unseen = { witness: 'is not called' } as const;

const read = ({ port }: Client, options?: Parameters<typeof get>[1]) =>
  get(`http://127.0.0.1:${port}${path}`, options).catch(() => {});

/** Sends text, waits until the handler was called, and closes the connection. */
const leave =
  (text: string, calls = 1) =>
  async ({ port, reached }: Client) => {
    const connection = await Connection.open(port);
    await connection.send(text);
    await reached(calls);
    connection.destroy();
  };

/** Reads the head of a response, and closes the connection. */
async function leaveInBody({ port }: Client): Promise<void> {
  const connection = await Connection.open(port);
  await connection.send(request());
  await connection.has(/\r\n\r\n/);
  connection.destroy();
}

/** Sends text, and reads until the connection ends. */
const exchange =
  (text: string) =>
  async ({ port }: Client) => {
    const connection = await Connection.open(port);
    await connection.send(text);
    await connection.rest();
  };

const endings: Record<string, Ending> = {
  'a small response': { handler: (_req, res) => void res.send('x'), lines: [completed()] },
  '8 MB, read to the end': { handler: (_req, res) => void res.end(large), lines: [completed()] },
  'no body': { handler: (_req, res) => void res.status(204).end(), lines: [completed(204)] },
  'a response to HEAD': {
    handler: (_req, res) => void res.send('x'),
    client: (client) => read(client, { method: 'HEAD' }),
    lines: [completed()],
  },
  'a 304': {
    handler: (_req, res) => void res.set('ETag', '"1"').send('x'),
    client: (client) => read(client, { headers: { 'If-None-Match': '"1"' } }),
    lines: [completed(304)],
  },
  'a response of the app with an error status': {
    handler: (_req, res) => void res.status(422).send('x'),
    lines: [completed(422, warn)],
  },
  'a HEAD, a 204 and a 304 with the Content-Length of a body': {
    handler(req, res) {
      res.set('Content-Length', '1000');
      if (req.method === 'HEAD') res.end();
      else res.writeHead(Number(req.query.status), { 'Content-Length': 1000 }).end();
    },
    client: exchange(
      request('', 'HEAD') +
        request('', 'GET', `${path}?status=204`) +
        request('Connection: close\r\n', 'GET', `${path}?status=304`),
    ),
    lines: [completed(), completed(204), completed(304)],
  },
  'a response that ends before its Content-Length': {
    handler: (_req, res) => void res.writeHead(200, { 'Content-Length': 10 }).end('abc'),
    client: exchange(request('Connection: close\r\n')),
    lines: [aborted(error)],
    ...lacking,
  },
  'a response that ends one byte before the Content-Length that was set': {
    handler: (_req, res) => void res.set('Content-Length', '4').end('abc'),
    client: exchange(request('Connection: close\r\n')),
    lines: [aborted(error)],
    ...lacking,
  },
  'a response that is written in parts and ends before its Content-Length': {
    handler(_req, res) {
      res.set('Content-Length', '10').write('abc');
      setImmediate(() => res.end('def'));
    },
    client: exchange(request('Connection: close\r\n')),
    lines: [aborted(error)],
    ...lacking,
  },
  'a response that ends before its Content-Length, after another on its connection': {
    handler: (req, res) => void res.set('Content-Length', '3').end(req.query.body),
    async client({ port }) {
      const connection = await Connection.open(port);
      for (const body of ['abc', '']) {
        await connection.request(`${path}?body=${body}`);
        await connection.has(/\r\n\r\n/);
      }
      await connection.send('GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n');
      await connection.rest();
    },
    lines: [completed(), aborted(error), { ...completed(404, warn), route: undefined }],
    ...lacking,
  },
  'pipelined responses of different lengths': {
    handler: (req, res) =>
      void res.set('Content-Length', String(req.query.length)).end('x'.repeat(Number(req.query.length))),
    client: exchange(
      request('', 'GET', `${path}?length=9`) +
        request('', 'GET', `${path}?length=900`) +
        request('Connection: close\r\n', 'GET', `${path}?length=90`),
    ),
    lines: [completed(), completed(), completed()],
  },
  'a request whose body is not read': {
    handler: (_req, res) => void res.send('x'),
    client: (client) => read(client, { method: 'POST', body: 'a body' }),
    lines: [completed()],
  },
  'a response written in parts': {
    handler(_req, res) {
      res.write('one');
      setImmediate(() => res.end('two'));
    },
    lines: [completed()],
  },
  'two requests on one connection, one after the other': {
    handler: (_req, res) => void res.send('x'),
    async client({ port }) {
      const connection = await Connection.open(port);
      await connection.request(path);
      await connection.answer();
      await connection.request(path);
      await connection.answer();
    },
    lines: [completed(), completed()],
  },
  'three pipelined requests': {
    handler: (_req, res) => void res.send('x'),
    client: exchange(request() + request() + request('Connection: close\r\n')),
    lines: [completed(), completed(), completed()],
  },
  'a client of HTTP/1.0': {
    handler: (_req, res) => void res.send('x'),
    client: exchange(`GET ${path} HTTP/1.0\r\n\r\n`),
    lines: [completed()],
  },
  'a client that leaves as soon as it has the whole response': {
    handler: (_req, res) => void res.send('x'),
    async client({ port }) {
      const connection = await Connection.open(port);
      await connection.request(path);
      await connection.answer();
      connection.destroy();
    },
    lines: [completed()],
  },
  'a handler that never responds, and a client that leaves': {
    handler() {},
    client: leave(request()),
    lines: [aborted()],
  },
  'a client that leaves before an asynchronous response': {
    handler: (_req, res) => void res.once('close', () => res.send('x')),
    client: leave(request()),
    lines: [aborted()],
    ...dropped,
  },
  'a client that leaves after the head': {
    handler: (_req, res) => void res.flushHeaders(),
    client: leaveInBody,
    lines: [aborted()],
  },
  'a client that leaves in the middle of a piped body': {
    handler: (_req, res) => void endless().pipe(res),
    client: leaveInBody,
    lines: [aborted()],
  },
  'a client that leaves in the middle of a body sent by pipeline': {
    handler: (_req, res) => void pipeline(endless(), res, () => {}),
    client: leaveInBody,
    lines: [aborted()],
  },
  'a client that leaves at the beginning of 8 MB': {
    handler: (_req, res) => void res.type('bin').send(large),
    client: leaveInBody,
    lines: [aborted()],
    ...dropped,
  },
  'a client that leaves in the middle of its upload': {
    handler: (req, res) => void req.on('end', () => res.send('x')).resume(),
    client: leave(`${request('Content-Length: 1000\r\n', 'POST')}only this`),
    lines: [aborted()],
  },
  'pipelined requests whose client leaves before the first response': {
    handler() {},
    client: leave(request().repeat(3), 3),
    lines: [aborted(), aborted(), aborted()],
    ...unseen,
  },
  'pipelined requests with responses that wait for the first one, and a client that leaves': {
    handler: (req, res) => void (req.query.wait ?? res.send('x')),
    client: leave(request('', 'GET', `${path}?wait=1`) + request().repeat(2), 3),
    lines: [aborted(), aborted(), aborted()],
    ...unseen,
  },
  'a connection that is destroyed after 8 MB were passed to it': {
    handler(req, res) {
      res.end(large);
      req.socket.destroy();
    },
    lines: [aborted()],
    ...dropped,
  },
  'a connection that is destroyed before the response': {
    handler(req, res) {
      req.socket.destroy();
      res.send('x');
    },
    lines: [aborted()],
    ...dropped,
  },
  'a connection that is destroyed a turn before the response': {
    handler(req, res) {
      req.socket.destroy();
      setImmediate(() => res.send('x'));
    },
    lines: [aborted()],
    ...dropped,
  },
  'a request that is destroyed before the response': {
    handler(req, res) {
      req.destroy();
      res.end('x');
    },
    lines: [aborted()],
    ...dropped,
  },
  'a handler that destroys the response before its head': {
    handler: (_req, res) => void res.destroy(),
    lines: [aborted()],
  },
  'a handler that destroys the response in the middle of the body': {
    handler(_req, res) {
      res.write('one');
      setImmediate(() => res.destroy());
    },
    lines: [aborted()],
  },
  'a handler that destroys the response with an error': {
    handler: (_req, res) => void res.destroy(new Error('the disk is full')),
    lines: [aborted(error)],
  },
  'a server that closes all connections': {
    handler: (_req, res) => void res.write('one'),
    async client({ server, port }) {
      const connection = await Connection.open(port);
      await connection.request(path);
      await connection.has(/one/);
      server.closeAllConnections();
      await connection.ended;
    },
    lines: [aborted()],
  },
  'an error before the response': {
    handler() {
      throw new Error('the disk is full');
    },
    lines: [completed(500, error)],
  },
  'an error in the middle of the body': {
    handler(_req, res) {
      res.write('one');
      throw new Error('the disk is full');
    },
    lines: [aborted(error)],
  },
  'a piped source that fails before the response': {
    handler(_req, res, next) {
      const source = failing(0);
      source.on('error', next).pipe(res);
    },
    lines: [completed(500, error)],
  },
  'a piped source that fails in the middle of the body': {
    handler(_req, res, next) {
      const source = failing(2);
      source.on('error', next).pipe(res);
    },
    lines: [aborted(error)],
  },
  'a pipeline that fails in the middle of the body': {
    handler: (_req, res) => void pipeline(failing(2), res, () => {}),
    lines: [aborted(error)],
  },
  'a deadline': { handler() {}, deadlineMs: 10, lines: [completed(503, error)] },
  'a response after its deadline': {
    handler: (_req, res) => void res.once('finish', () => res.send('x')),
    deadlineMs: 10,
    lines: [completed(503, error)],
  },
  'a client that leaves before the deadline': {
    handler() {},
    client: leave(request()),
    deadlineMs: 10_000,
    lines: [aborted()],
  },
  'a handler that takes the connection from its response': {
    handler({ socket }, res) {
      res.detachSocket(socket);
      setImmediate(() => socket.end('HTTP/1.1 200 OK\r\n\r\nx'));
    },
    client: exchange(request()),
    lines: [aborted()],
    ...unseen,
  },
  'a handler that takes the connection from the second response on it': {
    handler({ query, socket }, res) {
      if (query.own === undefined) return void res.send('x');
      res.write('one');
      res.detachSocket(socket);
      socket.destroy();
    },
    async client({ port }) {
      const connection = await Connection.open(port);
      await connection.request(path);
      await connection.answer();
      await connection.request(`${path}?own=1`);
      await connection.rest();
    },
    lines: [completed(), aborted()],
    ...unseen,
  },
  'an upgrade that the app refuses': {
    handler: (_req, res) => void res.status(401).send('no'),
    client: exchange(request('Connection: Upgrade\r\nUpgrade: websocket\r\n')),
    lines: [completed(401, warn)],
  },
  'an upgrade that the app accepts': {
    handler: (req) => void req.socket.end('HTTP/1.1 101 Switching Protocols\r\n\r\n'),
    client: exchange(request('Connection: Upgrade\r\nUpgrade: websocket\r\n')),
    lines: [],
    ...unseen,
  },
  'a CONNECT, which Express passes to no handler': {
    handler() {},
    client: exchange(request('', 'CONNECT', 'x.test:443')),
    lines: [{ ...completed(404, warn), route: undefined }],
    only: 'productionized',
    ...unseen,
  },
};

interface StreamEnding {
  readonly handler: RequestHandler;
  readonly method?: 'HEAD';
  /** When the client resets the stream, or destroys its session; by default it reads the whole response. */
  readonly leave?: 'before the head' | 'in the body' | 'with its session';
  readonly line: Expected;
}

const streamEndings: Record<string, StreamEnding> = {
  'a small response': { handler: (_req, res) => void res.send('x'), line: completed() },
  'a response to HEAD': { handler: (_req, res) => void res.send('x'), method: 'HEAD', line: completed() },
  '8 MB, read to the end': { handler: (_req, res) => void res.end(large), line: completed() },
  'a client that resets its stream before the response': {
    handler() {},
    leave: 'before the head',
    line: aborted(),
  },
  'a client that resets its stream before an asynchronous response': {
    handler: (_req, res) => void res.once('close', () => res.send('x')),
    leave: 'before the head',
    line: aborted(),
  },
  'a client that resets its stream in the middle of 8 MB': {
    handler: (_req, res) => void res.end(large),
    leave: 'in the body',
    line: aborted(),
  },
  'a client that closes its session': { handler() {}, leave: 'with its session', line: aborted() },
  'an error before the response': {
    handler() {
      throw new Error('the disk is full');
    },
    line: completed(500, error),
  },
  'an error in the middle of the body': {
    handler(_req, res) {
      res.write('one');
      throw new Error('the disk is full');
    },
    line: aborted(error),
  },
  'a handler that destroys the response with an error': {
    handler: (_req, res) => void res.destroy(new Error('the disk is full')),
    line: aborted(error),
  },
  'a pipeline that fails in the middle of the body': {
    handler: (_req, res) => void pipeline(failing(2), res, () => {}),
    line: aborted(error),
  },
};

/** Gives an app the prototypes of requests and responses over HTTP/2. Express has none. */
function overHttp2(app: Application): Application {
  const objects = app as unknown as { request: object; response: object };
  const derive = (own: object, prototype: object) => {
    const methods = Object.create(prototype, Object.getOwnPropertyDescriptors(Object.getPrototypeOf(own)));
    return Object.create(methods, Object.getOwnPropertyDescriptors(own));
  };
  objects.request = derive(objects.request, http2.Http2ServerRequest.prototype);
  objects.response = derive(objects.response, http2.Http2ServerResponse.prototype);
  return app;
}

/** What a line states, without the fields that other tests check. */
const factsOf = ({ outcome, level, status, route: pattern }: Line): Expected => ({
  outcome,
  level,
  status,
  route: pattern,
});

/** Records what on-finished states about each response. */
function witness(outcomes: string[]): RequestHandler {
  return function askOnFinished(_req, res, next) {
    onFinished(res, (failure, message) => {
      outcomes.push(!failure && message.writableFinished ? 'completed' : 'aborted');
    });
    next();
  };
}

type Log = ReturnType<typeof memoryLog>;

const attachments: Record<string, (app: Application, log: Log, deadlineMs?: number) => void> = {
  'stand-alone': (app, { destination }, afterMs) => {
    app.use(requestLogger({ logger: createLogger({ destination, level: 'info' }) }));
    if (afterMs) app.use(deadline({ afterMs }));
  },
  productionized: (app, { options }, afterMs) => {
    productionize(app, { ...options, deadline: afterMs ? { afterMs } : false });
  },
};

/** Passes requests for another protocol to the app, as servers of WebSockets and proxies do. */
function passUpgrades(server: Server, app: Application): void {
  const pass = (req: IncomingMessage, socket: Duplex) => {
    const res = new ServerResponse(req);
    res.assignSocket(socket as never);
    res.on('finish', () => socket.end());
    app(req as Request, res as Response);
  };
  server.on('upgrade', pass).on('connect', pass);
}

describe.each(expressVersions)('the end of a request on %s', (_name, express) => {
  describe.each(Object.entries(attachments))('%s', (how, attach) => {
    const seen = Object.entries(endings).filter(([, { only = how }]) => only === how);

    it.each(seen)('%s: one line with its outcome, level, status and route', async (_what, ending) => {
      const log = memoryLog();
      const outcomes: string[] = [];
      const app = express();
      app.set('env', 'test');
      app.use(witness(outcomes));
      attach(app, log, ending.deadlineMs);
      app.use(helmet());
      let calls = 0;
      let called = deferred();
      const router = express.Router({ mergeParams: true });
      router.all('/:shop', (req, res, next) => {
        calls += 1;
        called.resolve();
        called = deferred();
        return ending.handler(req, res, next);
      });
      app.use('/shops', router);
      app.use(errorHandler());
      const { port, server, close } = await serve(app);
      passUpgrades(server, app);
      const client: Client = {
        port,
        server,
        async reached(times = 1) {
          while (calls < times) await called.promise;
        },
      };
      await (ending.client ?? read)(client);
      const lines = () => log.lines.filter(({ outcome }) => outcome !== undefined);
      if (ending.lines.length > 0) await log.line(() => lines().length >= ending.lines.length);
      await close();
      expect(lines().map(factsOf)).toEqual(ending.lines);
      expect(lines().map(({ err }) => err !== undefined)).toEqual(
        ending.lines.map(({ level }) => level === error),
      );
      if (ending.witness === undefined) expect(outcomes).toEqual(ending.lines.map(({ outcome }) => outcome));
    });
  });

  it.each(Object.entries(attachments))(
    'a request whose client left before the app saw it has one line, %s',
    async (_how, attach) => {
      const log = memoryLog();
      const app = express();
      attach(app, log);
      app.get(route, (_req, res) => void res.send('x'));
      const { port, close } = await serve(async (req, res) => {
        await once(res, 'close');
        app(req as Request, res as Response);
      });
      const connection = await Connection.open(port);
      await connection.request(path);
      connection.destroy();
      await log.line(({ outcome }) => outcome !== undefined);
      await close();
      expect(log.lines.filter(({ outcome }) => outcome !== undefined).map(factsOf)).toEqual([aborted()]);
    },
  );

  it.each<[string, (req: IncomingMessage, res: ServerResponse) => unknown, Partial<Expected>]>([
    ['refuses', (_req, res) => res.writeHead(403).end(), completed(403, warn)],
    ['accepts', ({ socket }) => socket.end('HTTP/1.1 200 Connection Established\r\n\r\n'), aborted()],
  ])('a CONNECT that a listener without an app %s has one line', async (_what, handle, expected) => {
    const log = memoryLog();
    const logger = requestLogger({ logger: createLogger({ destination: log.destination, level: 'info' }) });
    const { port, server, close } = await serve(express());
    server.on('connect', (req: IncomingMessage, socket: Duplex) => {
      const res = new ServerResponse(req);
      res.assignSocket(socket as never);
      res.on('finish', () => socket.end());
      logger(req as Request, res as Response, () => handle(req, res));
    });
    await exchange(request('', 'CONNECT', 'x.test:443'))({ port } as Client);
    await log.line(({ outcome }) => outcome !== undefined);
    await close();
    expect(log.lines.map(factsOf)).toEqual([{ ...expected, route: undefined }]);
  });

  it('a response that was ended before the logger saw it has its line when it is sent; on-finished calls back immediately', async () => {
    const log = memoryLog();
    const app = express();
    const seen: string[] = [];
    const logger = createLogger({ destination: log.destination, level: 'info' });
    app.use(function ended(_req: Request, res: Response, next) {
      res.end(large);
      onFinished(res, () => seen.push('on-finished'));
      next();
    });
    app.use(requestLogger({ logger }));
    app.use((_req, _res) => {});
    const { port } = await serve(app);
    const req = http.get({ port, host: '127.0.0.1', agent: false });
    const [res] = (await once(req, 'response')) as [IncomingMessage];
    res.pause();
    while (seen.length === 0) await new Promise((resolve) => setImmediate(resolve));
    // the client has read nothing yet, and the kernel does not hold 8 MB for it
    expect(log.lines).toEqual([]);
    res.resume();
    expect((await log.line(({ outcome }) => outcome !== undefined)).outcome).toBe('completed');
    expect(seen).toEqual(['on-finished']);
  });

  describe.each(Object.entries(attachments))('over HTTP/2, %s', (_how, attach) => {
    it.each(Object.entries(streamEndings))(
      '%s: one line with its outcome, level, status and route',
      async (_what, ending) => {
        const log = memoryLog();
        const app = overHttp2(express());
        app.set('env', 'test');
        attach(app, log);
        const called = deferred<Request>();
        const router = express.Router({ mergeParams: true });
        router.all('/:shop', (req, res, next) => {
          called.resolve(req);
          return ending.handler(req, res, next);
        });
        app.use('/shops', router);
        app.use(errorHandler());
        const { client } = await serveHttp2(app as unknown as RequestHandler);
        const stream = client.request({ ':path': path, ':method': ending.method ?? 'GET' });
        stream.on('error', () => {});
        if (ending.leave === undefined) stream.resume();
        else if (ending.leave === 'before the head') {
          await called.promise;
          stream.close(http2.constants.NGHTTP2_CANCEL);
        } else if (ending.leave === 'in the body') {
          await once(stream, 'response');
          stream.close(http2.constants.NGHTTP2_CANCEL);
        } else {
          await called.promise;
          client.destroy();
        }
        const { signal } = (await called.promise) as Request & { signal: AbortSignal };
        await log.line(({ outcome }) => outcome !== undefined);
        await closeHttp2();
        const lines = log.lines.filter(({ outcome }) => outcome !== undefined);
        expect(lines.map(factsOf)).toEqual([ending.line]);
        expect(signal.aborted).toBe(ending.line.outcome === 'aborted');
      },
    );
  });
});
