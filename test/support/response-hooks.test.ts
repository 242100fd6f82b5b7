import type { RequestListener, ServerResponse } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import express from 'express';
import { compression, responseCache } from '../../src/index.js';
import { createLifecycle, trackResponse } from '../../src/support/lifecycle.js';
import {
  discardResponse,
  type OwnFunctions,
  type ResponseWatcher,
  responseHooks,
} from '../../src/support/response-hooks.js';
import { decoded, prose } from '../helpers/encoding.js';
import { closeHttp2, serveHttp2 } from '../helpers/http2.js';
import { closeAll, get, serve } from '../helpers/serve.js';

afterEach(closeAll);
afterEach(closeHttp2);

const gzip = { headers: { 'accept-encoding': 'gzip' } };

/** `handler` behind compression, on an app that drains. */
function draining(handler: (res: ServerResponse) => unknown, options = {}): RequestListener {
  const lifecycle = createLifecycle();
  lifecycle.state = 'draining';
  const compress = compression(options);
  return (req, res) => {
    trackResponse(lifecycle, res);
    compress(req, res, () => void handler(res));
  };
}

describe('a response that ends its connection behind compression', () => {
  it('is encoded to its end', async () => {
    const { url } = await serve(
      draining(async (res) => {
        res.setHeader('Content-Type', 'text/plain');
        res.write(prose);
        await sleep(60);
        res.write(prose);
        await sleep(60);
        res.end(prose);
      }),
    );
    const sent = await get(url, gzip);
    expect(sent.headers).toMatchObject({ 'content-encoding': 'gzip', connection: 'close' });
    expect(decoded(sent)).toBe(prose + prose + prose);
  });

  it('receives no hint within the bytes of an encoder', async () => {
    const events = `data: ${prose}\n\n`;
    const { url } = await serve(
      draining(
        async (res) => {
          res.writeHead(200, { 'Content-Type': 'text/event-stream' });
          res.write(events);
          await sleep(60);
          res.end(events);
        },
        { filter: () => true },
      ),
    );
    expect(decoded(await get(url, gzip))).toBe(events + events);
  });
});

it('takes a list of headers whose values are lists', async () => {
  const compress = compression();
  const { url } = await serve((req, res) => {
    compress(req, res, () => {
      res.writeHead(200, ['Set-Cookie', ['a=1', 'b=2'], 'Content-Type', 'text/plain'] as never);
      res.end(prose);
    });
  });
  const sent = await get(url, gzip);
  expect(sent.headers).toMatchObject({ 'set-cookie': ['a=1', 'b=2'], 'content-type': 'text/plain' });
  expect(decoded(sent)).toBe(prose);
});

/** Passes everything on and writes down what it saw. */
class Notes implements ResponseWatcher {
  readonly seen: [what: string, ...with: unknown[]][] = [];
  own!: OwnFunctions;
  constructor(readonly res: ServerResponse) {}

  onHead(...args: unknown[]): void {
    this.seen.push(['head', ...args.slice(0, 2)]);
  }

  onWrite(...args: Parameters<OwnFunctions['write']>): boolean {
    this.seen.push(['write', args[0]]);
    return this.own.write.apply(this.res, args);
  }

  onEnd(...args: Parameters<OwnFunctions['end']>): void {
    this.seen.push(['end', args[0]]);
    this.own.end.apply(this.res, args);
  }

  onTrailers(): void {
    this.seen.push(['trailers']);
  }
}

function noted(res: ServerResponse, key = Symbol('notes')): Notes {
  const notes = new Notes(res);
  notes.own = responseHooks<Notes>(key).watch(res, notes);
  return notes;
}

/** A hook of another package, which makes a header longer whenever it is called. */
function hookIn(res: ServerResponse, letter: string): ServerResponse['writeHead'] {
  const { writeHead } = res;
  const hooked = function hooked(this: ServerResponse, ...args: unknown[]) {
    this.setHeader('X-Calls', `${this.getHeader('X-Calls') ?? ''}${letter}`);
    return Reflect.apply(writeHead, this, args);
  } as ServerResponse['writeHead'];
  res.writeHead = hooked;
  return hooked;
}

const sending: [string, (res: ServerResponse) => unknown][] = [
  ['end', (res) => res.end('body')],
  ['write and end', (res) => res.write('bo') && res.end('dy')],
  ['writeHead and end', (res) => res.writeHead(200).end('body')],
  ['flushHeaders and end', (res) => [res.flushHeaders(), res.end('body')]],
];

describe.each(sending)('hooks before one another, by %s', (_how, send) => {
  const all: Notes[] = [];
  beforeEach(() => void all.splice(0));

  function handler(res: ServerResponse): void {
    all.push(noted(res));
    hookIn(res, 'a');
    all.push(noted(res));
    hookIn(res, 'b');
    res.setHeader('Content-Type', 'text/plain');
    send(res);
  }

  function expectEachOnce(): void {
    for (const { seen } of all) {
      const [head, ...parts] = seen.filter(([, value]) => value !== undefined);
      expect(head?.slice(0, 2)).toEqual(['head', 200]);
      expect(parts.map(([, part]) => part).join('')).toBe('body');
    }
    expect(all).toHaveLength(2);
  }

  it('each is called once', async () => {
    const { url } = await serve((_req, res) => handler(res));
    const sent = await get(url);
    expect([sent.headers['x-calls'], sent.text]).toEqual(['ba', 'body']);
    expectEachOnce();
  });

  it('each is called once over HTTP/2', async () => {
    const { ask } = await serveHttp2((_req, res) => handler(res));
    const sent = await ask('/');
    expect([sent.headers['x-calls'], sent.text]).toEqual(['ba', 'body']);
    expectEachOnce();
  });

  it('each is called once behind compression and a cache', async () => {
    const app = express();
    app.use(
      (_req, res, next) => {
        hookIn(res, 'a');
        next();
      },
      compression({ threshold: 0 }),
    );
    app.use((_req, res, next) => {
      hookIn(res, 'b');
      next();
    }, responseCache());
    app.use((_req, res) => {
      hookIn(res, 'c');
      res.set({ 'Content-Type': 'text/plain', 'Cache-Control': 'max-age=60' });
      send(res);
    });
    const { url } = await serve(app);
    const sent = await get(url, gzip);
    expect([sent.headers['x-calls'], decoded(sent)]).toEqual(['cba', 'body']);
  });
});

describe('a head that is refused', () => {
  it('does not remove the hooks of others, and the next head is another one', async () => {
    const outcome: unknown[] = [];
    const { url } = await serve((_req, res) => {
      const notes = noted(res);
      const hooked = hookIn(res, 'a');
      res.statusMessage = 'bad\r\nmessage';
      expect(() => res.end('first')).toThrow('Invalid character');
      expect(res.writeHead).toBe(hooked);
      res.statusMessage = '';
      res.statusCode = 500;
      res.end('second');
      outcome.push(...notes.seen);
    });
    const sent = await get(url);
    expect([sent.status, sent.headers['x-calls'], sent.text]).toEqual([500, 'aa', 'second']);
    expect(outcome).toEqual([
      ['head', 200, 'first'],
      ['end', 'first'],
      ['head', 500, 'second'],
      ['end', 'second'],
    ]);
  });

  it('by the hook of another package that was called before is not treated as a head', async () => {
    const { url } = await serve((_req, res) => {
      const notes = noted(res);
      const { writeHead } = res;
      let fails = true;
      res.writeHead = function failing(this: ServerResponse, ...args: unknown[]) {
        Reflect.apply(writeHead, this, args);
        if (fails) throw new Error('no');
        return this;
      } as ServerResponse['writeHead'];
      expect(() => res.end('first')).toThrow('no');
      fails = false;
      res.end('second');
      expect(notes.seen).toEqual([
        ['head', 200, 'first'],
        ['head', 200, 'second'],
        ['end', 'second'],
      ]);
    });
    expect((await get(url)).text).toBe('second');
  });
});

it.each(['addTrailers', 'setTrailer'])('notifies of trailers set by %s', async (method) => {
  const all: Notes[] = [];
  const handler = (res: ServerResponse) => {
    all.push(noted(res));
    res.setHeader('Trailer', 'X-Sum');
    res.write('body');
    const args = method === 'addTrailers' ? [{ 'X-Sum': '1' }] : ['X-Sum', '1'];
    (res as unknown as Record<string, (...args: unknown[]) => void>)[method]?.(...args);
    res.end();
  };
  const { ask } = await serveHttp2((_req, res) => handler(res));
  expect((await ask('/')).trailers).toMatchObject({ 'x-sum': '1' });
  if (method === 'addTrailers') await get((await serve((_req, res) => handler(res))).url);
  for (const { seen } of all) expect(seen).toContainEqual(['trailers']);
});

describe('a discarded response', () => {
  it.each([['HTTP/1'], ['HTTP/2']])(
    'accepts all calls over %s, calls back later, and ends once',
    async (version) => {
      const calls: string[] = [];
      let done!: () => void;
      const called = new Promise<void>((resolve) => {
        done = resolve;
      });
      const handler = (res: ServerResponse) => {
        res.setHeader('X-Before', '1');
        res.end('before');
        discardResponse(res, () => calls.push('end'));
        res.setHeader('X-After', '1');
        res.writeHead(1000, { 'X-After': '1' });
        res.flushHeaders();
        expect(res.write('part', () => calls.push('written'))).toBe(true);
        expect(res.end('rest', 'utf8', () => calls.push('ended'))).toBe(res);
        res.end(() => done());
        expect(calls).toEqual(['end']);
      };
      const sent =
        version === 'HTTP/1'
          ? await get((await serve((_req, res) => handler(res))).url)
          : await (await serveHttp2((_req, res) => handler(res))).ask('/');
      expect([sent.text, sent.headers['x-after']]).toEqual(['before', undefined]);
      await called;
      expect(calls).toEqual(['end', 'written', 'ended']);
    },
  );
});
