import { once } from 'node:events';
import http, { type IncomingMessage } from 'node:http';
import { Readable } from 'node:stream';
import type { Application, Request, RequestHandler, Response } from 'express';
import onFinished from 'on-finished';
import { createLogger, productionize, requestLogger } from '../../../src/index.js';
import { expressVersions } from '../../helpers/express-versions.js';
import { memoryLog } from '../../helpers/memory-log.js';
import { closeAll, get, raw, serve } from '../../helpers/serve.js';

afterEach(closeAll);

const large = Buffer.alloc(8 << 20, 'x');

/** A stream that never ends. */
const endless = () =>
  new Readable({
    read() {
      this.push(large.subarray(0, 65_536));
    },
  });

/** How responses end: a handler, a client, and the outcome that both witnesses have to give. */
const endings: Record<
  string,
  {
    readonly handler: RequestHandler;
    readonly ask?: (port: number) => Promise<unknown>;
    readonly outcome: 'completed' | 'aborted';
    /** Whether on-finished is wrong: before Node 24 it takes a response for sent whose connection was destroyed. */
    readonly misjudged?: true;
  }
> = {
  'a small response': { handler: (_req, res) => void res.send('x'), outcome: 'completed' },
  '8 MB, read to the end': { handler: (_req, res) => void res.end(large), outcome: 'completed' },
  'no body': { handler: (_req, res) => void res.status(204).end(), outcome: 'completed' },
  'a response to HEAD': {
    handler: (_req, res) => void res.send('x'),
    ask: (port) => get(`http://127.0.0.1:${port}/`, { method: 'HEAD' }),
    outcome: 'completed',
  },
  'a 304': {
    handler: (_req, res) => void res.set('ETag', '"1"').send('x'),
    ask: (port) => get(`http://127.0.0.1:${port}/`, { headers: { 'If-None-Match': '"1"' } }),
    outcome: 'completed',
  },
  'a request with a body that nobody reads': {
    handler: (_req, res) => void res.send('x'),
    ask: (port) => get(`http://127.0.0.1:${port}/`, { method: 'POST', body: 'a body' }),
    outcome: 'completed',
  },
  'a response written in parts': {
    handler(_req, res) {
      res.write('one');
      setImmediate(() => res.end('two'));
    },
    outcome: 'completed',
  },
  'a client that leaves in the middle of the body': {
    handler: (_req, res) => void endless().pipe(res),
    ask: leave,
    outcome: 'aborted',
  },
  'a handler that destroys the response before its head': {
    handler: (_req, res) => void res.destroy(),
    ask: lose,
    outcome: 'aborted',
  },
  'a handler that destroys the response in the middle of the body': {
    handler(_req, res) {
      res.write('one');
      setImmediate(() => res.destroy());
    },
    outcome: 'aborted',
  },
  'a response of 8 MB whose client leaves at its beginning': {
    handler: (_req, res) => void res.type('bin').send(large),
    ask: leave,
    outcome: 'aborted',
    misjudged: true,
  },
  'a connection that is destroyed after 8 MB were passed to it': {
    handler(req, res) {
      res.end(large);
      req.socket.destroy();
    },
    ask: lose,
    outcome: 'aborted',
    misjudged: true,
  },
  'a connection that is destroyed before the response': {
    handler(req, res) {
      req.socket.destroy();
      res.send('x');
    },
    ask: lose,
    outcome: 'aborted',
    misjudged: true,
  },
  'a request that is destroyed before the response': {
    handler(req, res) {
      req.destroy();
      res.end('x');
    },
    ask: lose,
    outcome: 'aborted',
    misjudged: true,
  },
};

/** Reads the beginning of a response, then closes the connection. */
async function leave(port: number): Promise<void> {
  const req = http.get({ port, host: '127.0.0.1', agent: false });
  req.on('error', () => {});
  const [res] = (await once(req, 'response')) as [IncomingMessage];
  await once(
    res.on('error', () => {}),
    'data',
  );
  req.destroy();
}

/** Sends a request whose connection the server destroys. */
async function lose(port: number): Promise<void> {
  await get(`http://127.0.0.1:${port}/`).catch(() => {});
}

/** What on-finished tells of a response: when it calls back, the outcome is that of the stream. */
function witness(outcomes: string[], called: () => void): RequestHandler {
  return function oracle(_req, res, next) {
    onFinished(res, (error, message) => {
      outcomes.push(!error && message.writableFinished ? 'completed' : 'aborted');
      called();
    });
    next();
  };
}

const attachments = {
  'stand-alone': (app: Application, log: ReturnType<typeof memoryLog>) => {
    app.use(requestLogger({ logger: createLogger({ destination: log.destination, level: 'info' }) }));
  },
  productionized: (app: Application, log: ReturnType<typeof memoryLog>) => {
    productionize(app, log.options);
  },
};

describe.each(expressVersions)('the end of a response on %s', (_name, express) => {
  describe.each(Object.entries(attachments))('%s', (_how, attach) => {
    function start(handler: RequestHandler) {
      const log = memoryLog();
      const outcomes: string[] = [];
      const app = express();
      const called = new Promise<void>((resolve) => app.use(witness(outcomes, resolve)));
      attach(app, log);
      app.all('/', handler);
      const line = () => log.line(({ outcome }) => outcome !== undefined);
      return { app, log, outcomes, called, line };
    }

    it.each(Object.entries(endings))('%s: the line has the outcome of on-finished', async (_what, ending) => {
      const { app, log, outcomes, called, line } = start(ending.handler);
      const { port, url } = await serve(app);
      await (ending.ask?.(port) ?? get(`${url}/`));
      expect((await line()).outcome).toBe(ending.outcome);
      await called;
      if (!ending.misjudged) expect(outcomes).toEqual([ending.outcome]);
      expect(log.lines.filter(({ outcome }) => outcome !== undefined)).toHaveLength(1);
    });

    it('requests on one connection, one behind the other: a line each', async () => {
      const { app, log, outcomes } = start((_req, res) => void res.send('x'));
      const { port } = await serve(app);
      const request = (more = '') => `GET / HTTP/1.1\r\nHost: x\r\n${more}\r\n`;
      await raw(port, request() + request() + request('Connection: close\r\n'));
      const lines = () => log.lines.filter(({ outcome }) => outcome === 'completed');
      while (lines().length < 3) await new Promise((resolve) => setImmediate(resolve));
      expect(lines()).toHaveLength(3);
      expect(outcomes).toEqual(['completed', 'completed', 'completed']);
    });
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
});
