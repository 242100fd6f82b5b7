import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import http from 'node:http';
import net from 'node:net';
import { PassThrough, pipeline, Readable, Writable } from 'node:stream';
import zlib from 'node:zlib';
import type { Request, RequestHandler, Response } from 'express';
import { type CompressionOptions, compression } from '../../../src/middleware/compression/index.js';
import { deferred } from '../../helpers/deferred.js';
import { accept, decoded, noise, prose } from '../../helpers/encoding.js';
import { expressVersions } from '../../helpers/express-versions.js';
import { closeAll, get, raw, serve } from '../../helpers/serve.js';

afterEach(closeAll);

const gzip = accept('gzip');

type Creator = 'createGzip' | 'createBrotliCompress';

/** Notes the encoders that are made while something runs. */
async function notingEncoders<T>(run: (encoders: zlib.Gzip[]) => Promise<T>): Promise<T> {
  const encoders: zlib.Gzip[] = [];
  const originals = new Map<Creator, PropertyDescriptor>();
  for (const name of ['createGzip', 'createBrotliCompress'] as const) {
    const own = Object.getOwnPropertyDescriptor(zlib, name) as PropertyDescriptor;
    originals.set(name, own);
    const value = (options: zlib.ZlibOptions) => {
      const encoder = own.value(options);
      encoders.push(encoder);
      return encoder;
    };
    Object.defineProperty(zlib, name, { ...own, value });
  }
  try {
    return await run(encoders);
  } finally {
    for (const [name, own] of originals) Object.defineProperty(zlib, name, own);
  }
}

/** Whether a response ends before it is complete. */
function isCut(url: string): Promise<boolean> {
  return get(url, gzip).then(
    ({ cut }) => cut,
    () => true,
  );
}

/** A client that reads the response only when it is told to. */
async function slowClient(url: string): Promise<http.IncomingMessage> {
  const request = http.get(url, { agent: false, ...gzip });
  const [message] = (await once(request, 'response')) as [http.IncomingMessage];
  message.on('error', () => {});
  return message;
}

describe.each(expressVersions)('compression of streams on %s', (_name, express) => {
  async function url(handler: RequestHandler, options?: CompressionOptions): Promise<string> {
    const app = express();
    app.use(compression(options), handler);
    return (await serve(app)).url;
  }

  const ways: [string, (res: Response, callback: (name: string) => () => void) => void][] = [
    ['res.end(cb)', (res, cb) => res.end(cb('end'))],
    ['res.end(x, cb)', (res, cb) => res.end(prose, cb('end'))],
    ['res.end(x, encoding, cb)', (res, cb) => res.end(prose, 'utf8', cb('end'))],
    [
      'res.write(x, cb), res.end(cb)',
      (res, cb) => {
        res.write(prose, cb('write'));
        res.end(cb('end'));
      },
    ],
    [
      'res.write(x, encoding, cb), res.end(x, cb)',
      (res, cb) => {
        res.write(prose, 'latin1', cb('write'));
        res.end('the end', cb('end'));
      },
    ],
    ['res.end(long, cb)', (res, cb) => res.end(noise(100_000), cb('end'))],
  ];

  describe.each([
    ['encoded', 'text/plain'],
    ['passed on', 'image/png'],
  ])('%s', (_how, type) => {
    it.each(ways)('calls each callback of %s once, and end returns the response', async (way, send) => {
      const calls: string[] = [];
      const finished = deferred<void>();
      const address = await url((_req, res) => {
        res.setHeader('Content-Type', type);
        res.on('finish', () => setImmediate(finished.resolve));
        const { end } = res;
        const returned: unknown[] = [];
        res.end = function watchedEnd(this: Response, ...args: never[]) {
          const result = end.apply(this, args as never);
          returned.push(result);
          return result;
        } as typeof end;
        send(res, (name) => () => calls.push(name));
        expect(returned).toEqual([res]);
        expect(res.writableEnded).toBe(true);
      });
      const sent = await get(address, gzip);
      await finished.promise;
      expect(calls.sort()).toEqual(way.includes('write') ? ['end', 'write'] : ['end']);
      expect([sent.status, sent.cut]).toEqual([200, false]);
    });
  });

  it('ends once, even if functions are called after the end', async () => {
    const errors: unknown[] = [];
    let late = 0;
    const closed = deferred<boolean>();
    const address = await url((_req, res) => {
      res.type('text').write(prose);
      res.end('.');
      res.end('again', () => late++);
      res.write('after', (error) => errors.push((error as NodeJS.ErrnoException | null)?.code));
      res.on('close', () => setImmediate(() => closed.resolve(res.writableFinished)));
    });
    expect(decoded(await get(address, gzip))).toBe(`${prose}.`);
    expect(await closed.promise).toBe(true);
    expect(errors).toEqual(['ERR_STREAM_WRITE_AFTER_END']);
    expect(late).toBe(1);
  });

  it('calls the callbacks of writes after the client has disconnected', async () => {
    const outcomes: boolean[] = [];
    const closed = deferred<void>();
    const written = deferred<void>();
    const address = await url((_req, res) => {
      res.type('text');
      for (let i = 0; i < 40; i++) {
        res.write(noise(16_384, `${i}`), (error) => {
          outcomes.push(error == null);
          if (outcomes.length === 40) written.resolve();
        });
      }
      res.once('close', () => closed.resolve());
    });
    const message = await slowClient(address);
    message.destroy();
    await closed.promise;
    await written.promise;
    expect(outcomes).toHaveLength(40);
    expect(outcomes.at(-1)).toBe(false);
  });

  it('streams bodies that are written in parts, and every encoding of a string', async () => {
    const address = await url((_req, res) => {
      res.type('text').write('c3a9', 'hex');
      res.write('');
      res.write(new Uint8Array([0x61]));
      res.write(Buffer.from('b').toString('base64'), 'base64');
      res.end(prose);
    });
    const sent = await get(address, accept('br'));
    expect(sent.headers['content-encoding']).toBe('br');
    expect(decoded(sent)).toBe(`éab${prose}`);
  });

  it('removes a Content-Length of the identity', async () => {
    const address = await url((_req, res) => {
      res.set({ 'Content-Type': 'text/plain', 'Content-Length': String(prose.length * 2) });
      res.write(prose);
      res.end(prose);
    });
    const sent = await get(address, gzip);
    expect(sent.headers['content-length']).toBeUndefined();
    expect(decoded(sent)).toBe(prose + prose);
  });

  it('encodes an empty body that writeHead has declared as encoded', async () => {
    const address = await url((_req, res) => {
      res.writeHead(200, { 'content-type': 'text/plain' });
      res.end();
    });
    const sent = await get(address, gzip);
    expect(sent.headers['content-encoding']).toBe('gzip');
    expect(decoded(sent)).toBe('');
  });

  it('sends trailers after a streamed and after a whole body', async () => {
    const address = await url((req, res) => {
      res.type('text').set('Trailer', 'X-Sum');
      if (req.path === '/parts') res.write(prose);
      res.addTrailers({ 'X-Sum': '42' });
      res.end(prose);
    });
    for (const path of ['/parts', '/whole']) {
      const request = http.get(address + path, { agent: false, ...gzip });
      const [message] = (await once(request, 'response')) as [http.IncomingMessage];
      const chunks: Buffer[] = [];
      for await (const chunk of message) chunks.push(chunk);
      expect(zlib.gunzipSync(Buffer.concat(chunks)).toString()).toContain(prose);
      expect(message.trailers).toEqual({ 'x-sum': '42' });
    }
  });

  it('responds to Expect: 100-continue, and to HTTP/1.0 by closing', async () => {
    const { port } = new URL(await url((_req, res) => void res.type('text').send(noise(100_000))));
    const old = await raw(Number(port), 'GET / HTTP/1.0\r\nAccept-Encoding: gzip\r\n\r\n');
    const [head, body] = old.split('\r\n\r\n', 2) as [string, string];
    expect(head).toMatch(/content-encoding: gzip/i);
    expect(head).not.toMatch(/transfer-encoding/i);
    const bytes = Buffer.from(old.slice(head.length + 4), 'latin1');
    expect(body).toBeDefined();
    expect(zlib.gunzipSync(bytes).toString()).toBe(noise(100_000));

    const expecting = await raw(
      Number(port),
      'POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 0\r\nAccept-Encoding: gzip\r\nConnection: close\r\n\r\n',
    );
    expect(expecting).toMatch(/^HTTP\/1.1 100 Continue\r\n\r\nHTTP\/1.1 200 OK\r\n/);
  });

  it('writes no body for HEAD and creates no encoder', async () => {
    await notingEncoders(async (encoders) => {
      const address = await url((_req, res) => {
        res.type('text').write(prose);
        res.end(prose);
      });
      const sent = await get(address, { ...gzip, method: 'HEAD' });
      expect([sent.headers.vary, sent.body.length, encoders.length]).toEqual(['Accept-Encoding', 0, 0]);
    });
  });

  it.each([
    ['by default', undefined],
    ['encoded by wish', { filter: () => true }],
  ])('sends the first event of an event stream immediately, %s', async (_when, options) => {
    const address = await url((_req, res) => {
      res.writeHead(200, { 'Content-Type': 'text/event-stream' });
      res.write('data: first\n\n');
    }, options);
    const message = await slowClient(address);
    const decoder = options ? message.pipe(zlib.createGunzip()) : message;
    decoder.on('error', () => {});
    // the response never ends: the event can only have been sent for itself
    const [event] = await once(decoder, 'data');
    expect(String(event)).toBe('data: first\n\n');
    expect(message.headers['content-encoding']).toBe(options ? 'gzip' : undefined);
    message.destroy();
  });

  it('sends each part of a slow stream without a flush', async () => {
    let response!: Response;
    const address = await url((_req, res) => {
      response = res;
      res.type('text').write('one');
    });
    const message = await slowClient(address);
    const decoder = message.pipe(zlib.createGunzip());
    decoder.on('error', () => {});
    for (const part of ['one', 'two', 'three']) {
      if (part !== 'one') response.write(part);
      expect(String((await once(decoder, 'data'))[0])).toBe(part);
    }
    message.destroy();
  });

  it('provides res.flush, which can be called at any time', async () => {
    const address = await url((req, res) => {
      res.flush();
      if (req.path === '/image') return void res.type('image/png').send(Buffer.from(prose));
      res.type('text').write(prose);
      res.flush();
      res.end(prose);
      res.flush();
    });
    expect(decoded(await get(address, gzip))).toBe(prose + prose);
    expect((await get(`${address}/image`, gzip)).text).toBe(prose);
  });

  it('applies backpressure while the client does not read, and leaks no listener', async () => {
    // random, and as long as the window of gzip, so that it does not shrink however often it comes
    const part = randomBytes(65_536);
    let produced = 0;
    const source = new Readable({
      read() {
        this.push(++produced > 320 ? null : part);
      },
    });
    const stalled = deferred<Response>();
    const address = await url(
      (_req, res) => {
        res.type('text');
        source.pipe(res);
        source.once('pause', () => stalled.resolve(res));
      },
      { levels: { gzip: 1 } },
    );
    const message = await slowClient(address);
    const res = await stalled.promise;
    let drains = 0;
    res.on('drain', () => drains++);
    // what the connection and the encoder hold is less than half of the 20 MB of the source
    let before = -1;
    while (before !== produced) {
      before = produced;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    expect(produced).toBeLessThan(160);

    const decoder = message.pipe(zlib.createGunzip());
    let length = 0;
    let ahead = 0;
    for await (const chunk of decoder) {
      length += chunk.length;
      ahead = Math.max(ahead, produced - length / part.length);
    }
    expect(ahead).toBeLessThan(160);
    expect(length).toBe(320 * part.length);
    expect(drains).toBeGreaterThan(0);
    expect(res.listenerCount('drain')).toBe(1);
    expect(res.listenerCount('close')).toBeLessThan(5);
  });

  it('returns false from write when the encoder is full, and drains', async () => {
    const results: boolean[] = [];
    const address = await url((_req, res) => {
      res.type('text');
      results.push(res.write(noise(1_000_000)));
      res.once('drain', () => res.end('end'));
    });
    const sent = await get(address, gzip);
    expect(results).toEqual([false]);
    expect(decoded(sent)).toBe(`${noise(1_000_000)}end`);
  });

  const parts = Array.from({ length: 400 }, (_, i) => noise(16_384, `part ${i}`));
  const slowSources: [string, (res: Response) => Promise<void>][] = [
    [
      'Writable.toWeb(res)',
      (res) => {
        const source = Readable.from(parts.map((part) => Buffer.from(part)));
        return Readable.toWeb(source).pipeTo(Writable.toWeb(res));
      },
    ],
    [
      'a loop that waits while res.writableNeedDrain',
      async (res) => {
        for (const part of parts) {
          if (res.writableNeedDrain) await once(res, 'drain');
          res.write(part);
        }
        res.end();
      },
    ],
  ];

  it.each(slowSources)('sends everything to a client that reads late: %s', async (_how, send) => {
    const stalled = deferred<void>();
    const address = await url(async (_req, res, next) => {
      const pause = () => {
        if (res.writableNeedDrain) stalled.resolve();
        else if (!res.closed) setImmediate(pause);
      };
      res.type('text');
      setImmediate(pause);
      await send(res).catch(next);
    });
    const message = await slowClient(address);
    await stalled.promise;
    const chunks: Buffer[] = [];
    for await (const chunk of message.pipe(zlib.createGunzip())) chunks.push(chunk);
    expect(Buffer.concat(chunks).equals(Buffer.from(parts.join('')))).toBe(true);
  });

  it('needs no drain after its end or after the client has disconnected', async () => {
    const states: boolean[] = [];
    const closed = deferred<void>();
    const address = await url((req, res) => {
      res.type('text').write(noise(1_000_000));
      states.push(res.writableNeedDrain);
      if (req.path === '/ended') {
        res.end();
        states.push(res.writableNeedDrain, res.writableEnded);
        return;
      }
      res.on('close', () => {
        states.push(res.writableNeedDrain, res.writableEnded);
        closed.resolve();
      });
    });
    await get(`${address}/ended`, gzip);
    expect(states.splice(0)).toEqual([true, false, true]);
    (await slowClient(`${address}/gone`)).destroy();
    await closed.promise;
    expect(states).toEqual([true, false, false]);
  });

  it('resets the connection when a source fails after the headers, and closes the encoder', async () => {
    await notingEncoders(async (encoders) => {
      const outcome = deferred<unknown>();
      const address = await url((_req, res) => {
        res.type('text');
        const source = new PassThrough();
        pipeline(source, res, (error) => outcome.resolve(error?.message));
        source.write(prose, () => {
          res.flush();
          setImmediate(() => source.destroy(new Error('disk gone')));
        });
      });
      expect(await isCut(address)).toBe(true);
      expect(await outcome.promise).toBe('disk gone');
      expect(encoders).toHaveLength(1);
      if (!encoders[0]?.closed) await once(encoders[0] as zlib.Gzip, 'close');
    });
  });

  it('closes the encoder when the client disconnects', async () => {
    await notingEncoders(async (encoders) => {
      const left = deferred<void>();
      const address = await url((_req, res) => {
        res.type('text').write(noise(400_000));
        res.on('close', () => left.resolve());
      });
      (await slowClient(address)).destroy();
      await left.promise;
      expect(encoders).toHaveLength(1);
      if (!encoders[0]?.closed) await once(encoders[0] as zlib.Gzip, 'close');
      expect(encoders[0]?.destroyed).toBe(true);
    });
  });

  it('creates no encoder for a client that has disconnected', async () => {
    await notingEncoders(async (encoders) => {
      const done = deferred<void>();
      const arrived = deferred<void>();
      const address = await url((_req, res) => {
        arrived.resolve();
        res.on('close', () => {
          res.type('text').write(prose, () => {});
          res.end(noise(100_000));
          done.resolve();
        });
      });
      const socket = net.connect(Number(new URL(address).port), '127.0.0.1');
      socket.write('GET / HTTP/1.1\r\nHost: a\r\nAccept-Encoding: gzip\r\n\r\n');
      await arrived.promise;
      socket.destroy();
      await done.promise;
      expect(encoders).toHaveLength(0);
    });
  });

  it.each(['during a write', 'at the end'])('resets the response when the encoder fails %s', async (when) => {
    await notingEncoders(async (encoders) => {
      const finished = jest.fn();
      const closed = deferred<void>();
      const address = await url((req, res) => {
        if (req.path === '/next') return void res.send(prose);
        res.type('text').write(prose);
        res.flush();
        res.on('finish', finished).on('close', () => closed.resolve());
        if (when === 'at the end') res.end(noise(100_000));
        encoders[0]?.destroy(new Error('zlib is out of memory'));
      });
      expect(await isCut(address)).toBe(true);
      await closed.promise;
      expect(finished).not.toHaveBeenCalled();
      expect(decoded(await get(`${address}/next`, gzip))).toBe(prose);
    });
  });
});

describe('compression of streams without Express', () => {
  it('works with plain node:http and pipelined requests', async () => {
    const middleware = compression();
    const { port } = await serve((req, res) => {
      middleware(req, res, () => {
        res.setHeader('Content-Type', 'text/plain');
        res.write(`${req.url} `);
        setImmediate(() => res.end(prose));
      });
    });
    const one = (path: string, last = '') =>
      `GET ${path} HTTP/1.1\r\nHost: a\r\nAccept-Encoding: gzip\r\n${last}\r\n`;
    const received = await raw(port, one('/1') + one('/2') + one('/3', 'Connection: close\r\n'));
    expect(received.match(/HTTP\/1.1 200 OK/g)).toHaveLength(3);
    expect(received.match(/0\r\n\r\n/g)?.length).toBeGreaterThanOrEqual(3);
  });

  it('types res.flush', () => {
    const flush: RequestHandler = (_req: Request, res: Response) => res.flush();
    expect(flush).toHaveLength(2);
  });
});
