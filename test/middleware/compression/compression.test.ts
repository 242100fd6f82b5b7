import { constants } from 'node:buffer';
import { randomBytes } from 'node:crypto';
import http2 from 'node:http2';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import { format } from 'node:util';
import zlib from 'node:zlib';
import theirs from 'compression';
import createDebug from 'debug';
import type { ErrorRequestHandler, Request, RequestHandler, Response } from 'express';
import helmet from 'helmet';
import { type CompressionOptions, compression } from '../../../src/middleware/compression/index.js';
import { ownSyncWork } from '../../../src/support/unobserved.js';
import { accept, decoded, decoders, noise, prose } from '../../helpers/encoding.js';
import { expressVersions } from '../../helpers/express-versions.js';
import { type Answer, closeAll, get, raw, serve } from '../../helpers/serve.js';

afterEach(closeAll);

// it comes without types
const session = jest.requireActual<(options: object) => RequestHandler>('express-session');

const gzip = accept('gzip');
const page = path.join(__dirname, '../../../package.json');

/** Watches a function of zlib while something runs; not every one of them may be assigned to. */
async function watching<T>(
  name: 'gzipSync' | 'createGzip',
  run: (calls: unknown[][]) => Promise<T>,
  replacement: (...args: never[]) => unknown = zlib[name],
): Promise<T> {
  const own = Object.getOwnPropertyDescriptor(zlib, name) as PropertyDescriptor;
  const calls: unknown[][] = [];
  const value = (...args: never[]) => {
    calls.push(args);
    return replacement(...args);
  };
  Object.defineProperty(zlib, name, { ...own, value });
  try {
    return await run(calls);
  } finally {
    Object.defineProperty(zlib, name, own);
  }
}

describe.each(expressVersions)('compression on %s', (_name, express) => {
  async function answer(
    handler: RequestHandler,
    { options, request = gzip }: { options?: CompressionOptions; request?: Parameters<typeof get>[1] } = {},
  ): Promise<Answer> {
    const app = express();
    app.use(compression(options), handler);
    return get((await serve(app)).url, request);
  }

  it('encodes what res.send and res.json send, with the exact length', async () => {
    const sent = await answer((_req, res) => void res.send(prose));
    expect(sent.headers).toMatchObject({
      'content-encoding': 'gzip',
      'content-length': String(sent.body.length),
      vary: 'Accept-Encoding',
    });
    expect(sent.headers['transfer-encoding']).toBeUndefined();
    expect(decoded(sent)).toBe(prose);

    const json = await answer((_req, res) => void res.json({ prose }), { request: accept('br') });
    expect(json.headers['content-encoding']).toBe('br');
    expect(decoded(json)).toBe(JSON.stringify({ prose }));
  });

  it('does not encode a 206, nor a response with a Content-Range', async () => {
    const partial = await answer((_req, res) => void res.status(206).type('text').send(prose));
    const ranged = await answer(
      (_req, res) => void res.set('Content-Range', 'bytes 0-4399/9000').send(prose),
    );
    for (const { headers, text } of [partial, ranged]) {
      expect(headers['content-encoding']).toBeUndefined();
      expect(headers.vary).toBe('Accept-Encoding');
      expect(text).toBe(prose);
    }
  });

  it('does not encode a range of a static file, and removes Accept-Ranges from encoded responses', async () => {
    const app = express();
    app.use(compression({ threshold: 0 }));
    app.get('/', (_req, res) => void res.sendFile(page));
    const { url } = await serve(app);
    const whole = await get(url, gzip);
    expect(whole.headers).toMatchObject({ 'content-encoding': 'gzip' });
    expect(whole.headers['accept-ranges']).toBeUndefined();
    const range = await get(url, { headers: { 'accept-encoding': 'gzip', range: 'bytes=0-9' } });
    expect([range.status, range.text]).toEqual([206, decoded(whole).slice(0, 10)]);
  });

  it.each(['strong', 'weak'])('sends an encoded body with a %s ETag, and a 304 next time', async (kind) => {
    const app = express();
    app.set('etag', kind);
    app.use(compression());
    app.get('/', (_req, res) => void res.send(prose));
    const { url } = await serve(app);
    const { etag } = (await get(url, gzip)).headers;
    expect(etag).toMatch(/^W\/"/);
    for (const sent of [etag as string, (etag as string).slice(2), `"other", ${etag}`]) {
      const again = await get(url, { headers: { 'accept-encoding': 'gzip', 'if-none-match': sent } });
      expect(again.status).toBe(304);
      expect(again.headers.etag).toBe(etag);
      expect(again.body).toHaveLength(0);
    }
  });

  it('preserves a strong ETag where the bytes are the identity', async () => {
    const app = express();
    app.set('etag', 'strong');
    app.use(compression());
    app.get('/', (_req, res) => void res.send(prose));
    const { url } = await serve(app);
    const { etag } = (await get(url)).headers;
    expect(etag).toMatch(/^"/);
    const again = await get(url, { headers: { 'if-none-match': etag as string } });
    expect([again.status, again.headers.etag]).toEqual([304, etag]);
  });

  it('sends Vary with a 304, even if it has few headers', async () => {
    const app = express();
    app.use(compression());
    app.get('/', (_req, res) => void res.vary('Origin').send(prose));
    app.get('/file', (_req, res) => void res.sendFile(page));
    const { url } = await serve(app);
    for (const [where, vary] of [
      ['/', 'Origin, Accept-Encoding'],
      ['/file', 'Accept-Encoding'],
    ]) {
      const first = await get(url + where, gzip);
      const headers = { 'accept-encoding': 'gzip', 'if-none-match': first.headers.etag as string };
      const second = await get(url + where, { headers });
      expect([first.headers.vary, second.status, second.headers.vary]).toEqual([vary, 304, vary]);
    }
  });

  describe('a 304 of a response that is not encoded', () => {
    const image = Buffer.alloc(5000);
    const fixed = { ETag: '"v1"', 'Last-Modified': 'Mon, 05 Jan 2026 08:00:00 GMT' };
    const sending =
      (headers: object, body: string | Buffer): RequestHandler =>
      (_req, res) =>
        void res.set({ ...fixed, ...headers }).send(body);

    async function site(): Promise<string> {
      const app = express();
      app.use(helmet(), compression());
      const router = express.Router();
      router.get('/short/:id', sending({ 'Content-Type': 'text/plain' }, 'short'));
      router.get('/image/:id', sending({ 'Content-Type': 'image/png' }, image));
      router.get('/weak/:id', sending({ 'Content-Type': 'image/png', ETag: 'W/"v1"' }, image));
      router.get('/digest/:id', sending({ 'Content-Type': 'text/plain', 'Content-MD5': 'x' }, prose));
      router.get(
        '/fixed/:id',
        sending({ 'Content-Type': 'text/plain', 'Cache-Control': 'no-transform' }, prose),
      );
      router.get(
        '/private/:id',
        sending({ 'Content-Type': 'text/plain', 'Cache-Control': 'private' }, prose),
      );
      router.get('/noise/:id', sending({ 'Content-Type': 'text/plain' }, randomBytes(2000)));
      router.get('/long/:id', sending({ 'Content-Type': 'text/plain' }, prose));
      app.use('/items', router);
      return (await serve(app)).url;
    }

    const described = ({ status, headers: { etag, vary } }: Answer) => ({ status, etag, vary });

    it.each([
      ['short', '"v1"', 'Accept-Encoding'],
      ['image', '"v1"', undefined],
      ['weak', 'W/"v1"', undefined],
      ['digest', '"v1"', 'Accept-Encoding'],
      ['fixed', '"v1"', undefined],
      ['noise', '"v1"', 'Accept-Encoding'],
      ['private', '"v1"', 'Accept-Encoding'],
      ['long', 'W/"v1"', 'Accept-Encoding'],
    ])('has the ETag and the Vary of the 200: %s', async (name, etag, vary) => {
      const url = await site();
      const where = `${url}/items/${name}/7?page=1`;
      const br = { 'accept-encoding': 'br' };
      expect(described(await get(where, { headers: br }))).toEqual({ status: 200, etag, vary });
      for (const condition of [
        { 'if-none-match': '"v1"' },
        { 'if-none-match': '"v0", W/"v1"' },
        { 'if-none-match': '*' },
        { 'if-modified-since': fixed['Last-Modified'] },
      ]) {
        const again = await get(where, { headers: { ...br, ...condition } });
        expect(described(again)).toEqual({ status: 304, etag, vary });
      }
    });

    it('has the strong ETag that the client has sent where this process has sent no 200', async () => {
      const url = await site();
      const ask = (name: string, etag: string) =>
        get(`${url}/items/${name}/1`, { headers: { 'accept-encoding': 'gzip', 'if-none-match': etag } });
      for (const [name, sent, etag] of [
        ['short', '"v0", "v1"', '"v1"'],
        ['long', 'W/"v1"', 'W/"v1"'],
      ] as const) {
        expect(described(await ask(name, sent))).toEqual({ status: 304, etag, vary: 'Accept-Encoding' });
      }
    });
  });

  it.each([
    ['br;q=0.1, gzip', 'gzip'],
    ['gzip, deflate, br', 'br'],
    ['gzip;q=0.5, br;q=0.4', 'gzip'],
    ['*', 'br'],
    ['*;q=0.1, br;q=0', 'gzip'],
    ['GZIP', 'gzip'],
    ['identity;q=0', undefined],
    ['gzip;q=0', undefined],
    ['gzip;q=0, br;q=0.000, *;q=0', undefined],
    ['identity, gzip;q=0.5', undefined],
    ['deflate', undefined],
    ['', undefined],
    [undefined, undefined],
    ['gzip;q=x', undefined],
    [';;;,,=q', undefined],
    ['\u00ff\u0080', undefined],
    ['gzipped', undefined],
    [`${'x,'.repeat(5000)}gzip`, 'gzip'],
  ])('follows Accept-Encoding %p', async (header, expected) => {
    const sent = await answer((_req, res) => void res.send(prose), {
      request: header === undefined ? {} : accept(header),
    });
    expect(sent.headers['content-encoding']).toBe(expected);
    expect(sent.headers.vary).toBe('Accept-Encoding');
    expect(decoded(sent)).toBe(prose);
  });

  it('prefers the encodings in the order of the option', async () => {
    const encodings = ['gzip', 'br'] as const;
    const sent = await answer((_req, res) => void res.send(prose), {
      options: { encodings },
      request: accept('br, gzip'),
    });
    expect(sent.headers['content-encoding']).toBe('gzip');
  });

  it('uses zstd where this Node has it, and ignores the preference elsewhere', async () => {
    const sent = await answer((_req, res) => void res.send(prose), {
      options: { encodings: ['zstd', 'gzip'] },
      request: accept('gzip, zstd'),
    });
    expect(sent.headers['content-encoding']).toBe('zstd' in decoders ? 'zstd' : 'gzip');
    expect(decoded(sent)).toBe(prose);
  });

  it.each([
    ['res.json', (_req: Request, res: Response) => void res.json({ hello: 'world' })],
    ['res.end', (_req: Request, res: Response) => void res.type('text').end('short')],
    ['an empty res.end', (_req: Request, res: Response) => void res.type('text').end()],
    ['res.end after writeHead', (_req: Request, res: Response) => void short(res)],
  ])('sends a body below the threshold exactly as without compression, after %s', async (_how, handler) => {
    const bare = express();
    bare.use((_req, res, next) => void next(res.vary('Accept-Encoding')));
    bare.use(Object.assign(((_req, _res, next) => next()) as RequestHandler));
    const bytes = async (use: RequestHandler) => {
      const app = express();
      app.use(use, handler);
      const { port } = await serve(app);
      const received = await raw(
        port,
        'GET / HTTP/1.1\r\nHost: a\r\nAccept-Encoding: gzip\r\nConnection: close\r\n\r\n',
      );
      const [head, body] = received.split('\r\n\r\n') as [string, string];
      const lines = head.split('\r\n').filter((line) => !line.startsWith('Date:'));
      return { lines: lines.sort(), body };
    };
    const varied = (_req: Request, res: Response, next: () => void) => {
      res.setHeader('Vary', 'Accept-Encoding');
      next();
    };
    expect(await bytes(compression())).toEqual(await bytes(varied));
  });

  it('measures the bytes, not the characters, against the threshold', async () => {
    const options = { threshold: 600 };
    const short = await answer((_req, res) => void res.type('text').end('é'.repeat(299)), { options });
    expect(short.headers['content-encoding']).toBeUndefined();
    const long = await answer((_req, res) => void res.type('text').end('é'.repeat(300)), { options });
    expect(long.headers['content-encoding']).toBe('gzip');
    const hex = await answer((_req, res) => void res.type('text').end('61'.repeat(599), 'hex'), { options });
    expect(hex.headers['content-encoding']).toBeUndefined();
    expect(hex.text).toBe('a'.repeat(599));
  });

  const secretive: [string, (res: Response) => void][] = [
    ['that sets a cookie', (res) => void res.cookie('session', '1')],
    ['that is private', (res) => void res.set('Cache-Control', 'max-age=0, private')],
    ['that is no-store', (res) => void res.set('Cache-Control', 'no-store')],
  ];

  it.each(secretive)('pads a response %s, whole or streamed', async (_what, mark) => {
    const app = express();
    app.use(compression());
    app.get('/whole', (_req, res) => {
      mark(res);
      res.send(prose);
    });
    app.get('/parts', (_req, res) => {
      mark(res);
      res.type('text').write(prose.slice(0, 2000));
      res.end(prose.slice(2000));
    });
    const { url } = await serve(app);
    for (const where of ['/whole', '/parts']) {
      const lengths = new Set<number>();
      for (let i = 0; i < 12; i++) {
        const sent = await get(url + where, accept('gzip, br'));
        expect(sent.headers['content-encoding']).toBe('gzip');
        expect(decoded(sent)).toBe(prose);
        lengths.add(sent.body.length);
      }
      // twelve times the same of a hundred lengths: once in 10^22 runs
      expect(lengths.size).toBeGreaterThan(1);
    }
  });

  it.each(secretive)('does not encode a response %s that cannot be padded', async (_what, mark) => {
    const handler: RequestHandler = (_req, res) => {
      mark(res);
      res.send(prose);
    };
    const skipped = await answer(handler, { options: { breach: 'skip' } });
    const onlyBrotli = await answer(handler, { request: accept('br') });
    const noGzip = await answer(handler, { options: { encodings: ['br'] }, request: accept('br, gzip') });
    for (const { headers, text } of [skipped, onlyBrotli, noGzip]) {
      expect(headers['content-encoding']).toBeUndefined();
      expect(headers.vary).toBe('Accept-Encoding');
      expect(text).toBe(prose);
    }
    const off = await answer(handler, { options: { breach: 'off' }, request: accept('br, gzip') });
    expect(off.headers['content-encoding']).toBe('br');
  });

  it('recognizes the cookie that a session sets when the headers are sent', async () => {
    const app = express();
    app.use(compression(), session({ secret: 'x', resave: false, saveUninitialized: true }));
    app.get('/', (_req, res) => void res.send(prose));
    const sent = await get((await serve(app)).url, accept('br, gzip'));
    expect(sent.headers['set-cookie']).toHaveLength(1);
    expect(sent.headers['content-encoding']).toBe('gzip');
    expect(decoded(sent)).toBe(prose);
  });

  it('encodes a body under the limit in one call, which the detector does not report', async () => {
    const depths: number[] = [];
    const { gzipSync } = zlib;
    const spy = (...args: Parameters<typeof gzipSync>) => {
      depths.push(ownSyncWork.depth);
      return gzipSync(...args);
    };
    await watching(
      'gzipSync',
      async () => {
        const sent = await answer((_req, res) => void res.send(noise(5000)));
        expect(sent.headers['content-length']).toBe(String(sent.body.length));
        expect(decoded(sent)).toBe(noise(5000));
      },
      spy as never,
    );
    expect(depths).toEqual([1]);
    expect(ownSyncWork.depth).toBe(0);
  });

  it('streams a body above the limit', async () => {
    const body = noise(70_000);
    await watching('gzipSync', async (calls) => {
      const sent = await answer((_req, res) => void res.send(body));
      expect(sent.headers).toMatchObject({ 'content-encoding': 'gzip', 'transfer-encoding': 'chunked' });
      expect(sent.headers['content-length']).toBeUndefined();
      expect(decoded(sent)).toBe(body);
      expect(calls).toHaveLength(0);
    });
  });

  it('encodes nothing synchronously with a limit of 0', async () => {
    await watching('gzipSync', async (calls) => {
      const sent = await answer((_req, res) => void res.send(prose), { options: { syncLimitBytes: 0 } });
      expect(decoded(sent)).toBe(prose);
      expect(sent.headers['content-encoding']).toBe('gzip');
      expect(calls).toHaveLength(0);
    });
  });

  it('encodes a body in one call after writeHead', async () => {
    await watching('createGzip', async (calls) => {
      const sent = await answer((_req, res) => {
        res.writeHead(200, { 'Content-Type': 'text/plain', 'Content-Length': prose.length });
        res.end(prose);
      });
      expect(sent.headers['content-encoding']).toBe('gzip');
      expect(decoded(sent)).toBe(prose);
      expect(calls).toHaveLength(0);
    });
  });

  it('sends the identity when the encoded body is not smaller', async () => {
    const bytes = zlib.gzipSync(noise(9000));
    const sent = await answer((_req, res) => void res.type('text').send(bytes));
    expect(sent.headers['content-encoding']).toBeUndefined();
    expect(sent.body).toEqual(bytes);
  });

  it.each([
    ['small', 2000],
    ['streamed', 100_000],
  ])('encodes a %s body that is sent again once', async (_size, length) => {
    const body = noise(length);
    const app = express();
    app.use(compression());
    app.get('/', (_req, res) => void res.set('ETag', `"${Math.random()}"`).send(body));
    const { url } = await serve(app);
    await watching('gzipSync', (whole) =>
      watching('createGzip', async (streams) => {
        const first = await get(url, gzip);
        const second = await get(url, gzip);
        const third = await get(url, accept('br'));
        expect(whole.length + streams.length).toBe(1);
        expect(second.body).toEqual(first.body);
        expect(second.headers['content-length']).toBe(String(first.body.length));
        expect(third.headers['content-encoding']).toBe('br');
        expect([first, second, third].map(decoded)).toEqual([body, body, body]);
      }),
    );
  });

  it('uses the bytes for the key, never the ETag', async () => {
    const app = express();
    let n = 0;
    app.use(compression());
    app.get('/', (_req, res) => void res.set('ETag', '"same"').send(noise(3000, `body ${n++}`)));
    const { url } = await serve(app);
    expect(decoded(await get(url, gzip))).toBe(noise(3000, 'body 0'));
    expect(decoded(await get(url, gzip))).toBe(noise(3000, 'body 1'));
  });

  it('uses the original bytes when the app reuses its buffer during the encoding', async () => {
    const texts = [noise(200_000, 'first'), noise(200_000, 'second')];
    const shared = Buffer.alloc(200_000);
    const app = express();
    app.use(compression());
    app.get('/:n', (req, res) => {
      shared.write(texts[Number(req.params.n)] as string);
      res.type('text').send(shared);
      // as a pool does, which thinks that the buffer is free again
      if (req.params.n === '0') shared.write(texts[1] as string);
    });
    const { url } = await serve(app);
    expect(decoded(await get(`${url}/0`, gzip))).toBe(texts[0]);
    expect(decoded(await get(`${url}/1`, gzip))).toBe(texts[1]);
    expect(decoded(await get(`${url}/1`, gzip))).toBe(texts[1]);
    expect(decoded(await get(`${url}/0`, gzip))).toBe(texts[0]);
  });

  it('stores nothing with a cache of 0 bytes', async () => {
    const app = express();
    app.use(compression({ cacheBytes: 0 }));
    app.get('/', (_req, res) => void res.send(prose));
    const { url } = await serve(app);
    await watching('gzipSync', async (calls) => {
      await get(url, gzip);
      await get(url, gzip);
      expect(calls).toHaveLength(2);
    });
  });

  it('encodes without a cache when it cannot be allocated, and tries to allocate it once', async () => {
    const cacheBytes = 3_333_333;
    const allocate = Buffer.allocUnsafeSlow;
    let refused = 0;
    const spy = jest.spyOn(Buffer, 'allocUnsafeSlow').mockImplementation((size) => {
      if (size !== cacheBytes) return allocate(size);
      refused++;
      throw new RangeError('Array buffer allocation failed');
    });
    try {
      const long = noise(140_000);
      const app = express();
      app.use(compression({ cacheBytes }));
      app.get('/whole', (_req, res) => void res.send(prose));
      app.get('/streamed', (_req, res) => void res.send(long));
      const { url } = await serve(app);
      for (const [where, body] of Object.entries({ whole: prose, streamed: long })) {
        for (let i = 0; i < 2; i++) {
          const sent = await get(`${url}/${where}`, gzip);
          expect(sent.headers['content-encoding']).toBe('gzip');
          expect(decoded(sent)).toBe(body);
        }
      }
      expect(refused).toBe(1);
    } finally {
      spy.mockRestore();
    }
  });

  it('does not store an incomplete body', async () => {
    const body = noise(200_000);
    const app = express();
    app.use(compression());
    app.get('/cut', (_req, res) => {
      res.send(body);
      res.destroy();
    });
    app.get('/', (_req, res) => void res.send(body));
    const { url } = await serve(app);
    await expect(get(`${url}/cut`, gzip)).rejects.toThrow(/hang up|reset/);
    expect(decoded(await get(url, gzip))).toBe(body);
  });

  it.each([
    ['twice', compression(), compression()],
    ['inside the compression package', theirs(), compression()],
    ['around the compression package', compression(), theirs()],
  ])('encodes once when mounted %s', async (_how, outer, inner) => {
    const app = express();
    app.use(outer as RequestHandler, inner as RequestHandler);
    app.get('/whole', (_req, res) => void res.send(prose));
    app.get('/parts', (_req, res) => {
      res.type('text').write(prose.slice(0, 2000));
      res.end(prose.slice(2000));
    });
    const { url } = await serve(app);
    for (const where of ['/whole', '/parts']) {
      const sent = await get(url + where, gzip);
      expect([sent.headers['content-encoding'], sent.headers.vary]).toEqual(['gzip', 'Accept-Encoding']);
      expect(decoded(sent)).toBe(prose);
    }
  });

  it('encodes once when two copies of the package are mounted, or an app in an app', async () => {
    const copy = await new Promise<typeof compression>((resolve) =>
      jest.isolateModules(() =>
        resolve(jest.requireActual('../../../src/middleware/compression/index.js').compression),
      ),
    );
    expect(copy).not.toBe(compression);
    const inner = express();
    inner.use(copy());
    inner.get('/', (_req, res) => void res.send(prose));
    const outer = express();
    outer.use(compression(), inner);
    const sent = await get((await serve(outer)).url, gzip);
    expect(sent.headers['content-encoding']).toBe('gzip');
    expect(decoded(sent)).toBe(prose);
  });

  it('passes on a body that an upstream has encoded', async () => {
    const bytes = zlib.gzipSync(prose.repeat(10));
    const sent = await answer((_req, res) => {
      res.writeHead(200, { 'content-type': 'text/plain', 'content-encoding': 'gzip' });
      res.write(bytes.subarray(0, 100));
      res.end(bytes.subarray(100));
    });
    expect(sent.body).toEqual(bytes);
  });

  it.each([
    ['an image', { 'Content-Type': 'image/png' }],
    ['an unknown type', { 'Content-Type': 'application/x-unknown-thing' }],
    ['no-transform', { 'Content-Type': 'text/plain', 'Cache-Control': 'public,No-Transform' }],
    ['a digest of the bytes', { 'Content-Type': 'text/plain', 'Content-Digest': 'sha-256=:AAAA:' }],
  ])('does not encode %s', async (_what, headers) => {
    const sent = await answer((_req, res) => void res.set(headers).end(prose));
    expect(sent.headers['content-encoding']).toBeUndefined();
    expect(sent.text).toBe(prose);
  });

  it('responds to HEAD with the headers of the identity and no body', async () => {
    const sent = await answer((_req, res) => void res.send(prose), { request: { ...gzip, method: 'HEAD' } });
    expect(sent.headers).toMatchObject({ vary: 'Accept-Encoding', 'content-length': '4400' });
    expect(sent.body).toHaveLength(0);
  });

  it('reports why a response is not encoded, without the query', async () => {
    const lines: string[] = [];
    const { log } = createDebug;
    createDebug.log = (...args: unknown[]) => lines.push(format(...args));
    createDebug.enable('productionize:compression');
    try {
      const app = express();
      app.use(compression());
      app.get('/:type', (req, res) => void res.type(req.params.type).send('short'));
      const { url } = await serve(app);
      await get(`${url}/png?token=secret`, gzip);
      await get(`${url}/text?token=secret`, gzip);
    } finally {
      createDebug.disable();
      createDebug.log = log;
    }
    expect(lines).toEqual([
      expect.stringMatching(/GET \/png: not encoded, its type is not compressible/),
      expect.stringMatching(/GET \/text: not encoded, below the threshold/),
    ]);
  });

  it('does not change a 204', async () => {
    const sent = await answer((_req, res) => void res.status(204).type('text').end());
    expect([sent.status, sent.headers['content-encoding'], sent.headers.vary]).toEqual([
      204,
      undefined,
      undefined,
    ]);
  });

  it('calls the filter, and does not encode when it throws', async () => {
    const handler: RequestHandler = (_req, res) => void res.send(prose);
    const no = await answer(handler, { options: { filter: () => false } });
    const thrown = await answer(handler, {
      options: {
        filter: () => {
          throw new Error('filter');
        },
      },
    });
    const image = await answer((_req, res) => void res.type('image/png').send(Buffer.from(prose)), {
      options: { filter: (req, res) => req.path === '/' && res.statusCode === 200 },
    });
    expect([no, thrown, image].map(({ headers }) => headers['content-encoding'])).toEqual([
      undefined,
      undefined,
      'gzip',
    ]);
    expect([no.text, thrown.text, decoded(image)]).toEqual([prose, prose, prose]);
  });

  it.each([
    undefined,
    'Origin',
    'accept-ENCODING',
    'Origin, Accept-Encoding, Cookie',
    '*',
    ['Origin', 'Cookie'],
  ])('adds to Vary %p once', async (vary) => {
    const sent = await answer((_req, res) => void (vary ? res.set('Vary', vary as never) : res).send(prose));
    const names = String(sent.headers.vary).toLowerCase().split(/,\s*/);
    expect(names.filter((name) => name === 'accept-encoding' || name === '*')).toHaveLength(1);
    for (const kept of [vary ?? []].flat()) expect(sent.headers.vary).toContain(kept);
  });

  it.each([
    ['an object', (res: Response) => res.writeHead(201, { 'content-type': 'text/plain', 'X-A': ['1', '2'] })],
    ['a message', (res: Response) => res.writeHead(201, 'Made')],
    ['both', (res: Response) => res.writeHead(201, 'Made', { 'X-A': ['1', '2'] })],
    [
      'a flat list',
      (res: Response) => res.writeHead(201, ['Content-Type', 'text/plain', 'X-A', '1', 'X-A', '2']),
    ],
  ])('works with writeHead and %s', async (what, writeHead) => {
    const sent = await answer((_req, res) => {
      res.setHeader('Content-Type', 'text/html');
      expect(writeHead(res)).toBe(res);
      expect(res.headersSent).toBe(true);
      res.end(prose);
    });
    expect([sent.status, sent.headers['content-encoding']]).toEqual([201, 'gzip']);
    if (what !== 'a message') expect(sent.headers['x-a']).toBe('1, 2');
    expect(decoded(sent)).toBe(prose);
  });

  it('obeys headers that are passed to writeHead only', async () => {
    const sent = await answer((_req, res) => {
      res.writeHead(200, { 'content-type': 'text/plain', 'cache-control': 'no-transform' });
      res.end(prose);
    });
    expect([sent.headers['content-encoding'], sent.text]).toEqual([undefined, prose]);
  });

  it.each([
    ['Content-Encoding', 'identity', 'gzip'],
    ['Cache-Control', 'no-transform', undefined],
    ['Content-Type', 'image/png', undefined],
  ])(
    'recognizes a %s that other middleware sets when the headers are sent',
    async (name, value, expected) => {
      const late: RequestHandler = (_req, res, next) => {
        const { writeHead } = res;
        res.writeHead = function lateHeader(this: Response, ...args: Parameters<typeof writeHead>) {
          this.setHeader(name, value);
          return writeHead.apply(this, args);
        } as typeof writeHead;
        next();
      };
      const app = express();
      app.use(compression(), late);
      app.get('/send', (_req, res) => void res.send(prose));
      app.get('/end', (_req, res) => void res.type('text').end(prose));
      const { url } = await serve(app);
      for (const where of ['/send', '/end']) {
        const sent = await get(url + where, gzip);
        expect(sent.headers['content-encoding']).toBe(expected);
        expect(sent.headers['content-length']).toBe(String(sent.body.length));
        expect(decoded(sent)).toBe(prose);
      }
    },
  );

  it('lets the error handler respond when the headers are refused', async () => {
    const app = express();
    app.use(compression());
    app.get('/', (_req, res) => {
      res.statusMessage = 'bad\r\nmessage';
      res.send(prose);
    });
    app.use(((error, _req, res, _next) => {
      res.statusMessage = '';
      res.status(500).json({ code: error.code });
    }) as import('express').ErrorRequestHandler);
    const { status, headers, text } = await get((await serve(app)).url, gzip);
    expect([status, text]).toEqual([500, '{"code":"ERR_INVALID_CHAR"}']);
    expect(headers['content-encoding']).toBeUndefined();
  });

  it('removes the length of a body whose headers were refused after a hook of another middleware', async () => {
    const app = express();
    app.use(compression());
    app.use((_req, res, next) => {
      const { writeHead } = res;
      res.writeHead = function hooked(this: Response, ...args: [number]) {
        return writeHead.apply(this, args);
      } as typeof writeHead;
      next();
    });
    app.get('/', (_req, res) => {
      res.statusMessage = 'bad\r\nmessage';
      res.end('short');
    });
    app.use(((_error, _req, res, _next) => {
      res.statusMessage = '';
      res.status(500).write('a longer ');
      res.end('answer');
    }) as ErrorRequestHandler);
    const { status, headers, text } = await get((await serve(app)).url);
    expect([status, text]).toEqual([500, 'a longer answer']);
    expect(headers['content-length']).toBeUndefined();
  });

  it('stores no encoding under another body whose headers were refused', async () => {
    const body = noise(140_000, 'page');
    const page = noise(30_000, 'error page');
    const app = express();
    app.use(compression());
    app.get('/', (_req, res) => void res.type('text').send(body));
    app.get('/refused', (_req, res) => {
      res.statusMessage = 'caf\u0101';
      res.type('text').send(body);
    });
    app.use(((_error, _req, res, _next) => {
      res.statusMessage = '';
      res.status(500).type('text').write(page);
      res.end(page);
    }) as ErrorRequestHandler);
    const { url } = await serve(app);
    const failed = await get(`${url}/refused`, gzip);
    expect([failed.status, decoded(failed)]).toEqual([500, page + page]);
    for (let i = 0; i < 2; i++) expect(decoded(await get(url, gzip))).toBe(body);
  });

  it('sends the error page itself, however long, after the headers of a long body were refused', async () => {
    const page = noise(300_000, 'error page');
    const app = express();
    app.use(compression());
    app.get('/', (_req, res) => {
      res.statusMessage = 'caf\u0101';
      res.type('text').send(noise(140_000, 'page'));
    });
    app.use(((_error, _req, res, _next) => {
      res.statusMessage = '';
      res.status(500).type('text').send(page);
    }) as ErrorRequestHandler);
    const failed = await get((await serve(app)).url, gzip);
    expect([failed.status, decoded(failed)]).toEqual([500, page]);
  });

  it('throws the error of Node for an invalid body, before any header is sent', async () => {
    const app = express();
    app.use(compression());
    app.get('/write', (_req, res) => void res.type('text').write(7 as never));
    app.get('/end', (_req, res) => void res.type('text').end({} as never));
    app.use(((error, _req, res, _next) => {
      res.status(500).send(error.code);
    }) as import('express').ErrorRequestHandler);
    const { url } = await serve(app);
    for (const where of ['/write', '/end']) {
      const { status, text } = await get(url + where, gzip);
      expect([status, text]).toEqual([500, 'ERR_INVALID_ARG_TYPE']);
    }
  });

  it('sends the identity when the encoder fails before the headers', async () => {
    await watching(
      'gzipSync',
      async (calls) => {
        const sent = await answer((_req, res) => void res.send(prose));
        expect(calls).toHaveLength(1);
        expect([sent.headers['content-encoding'], sent.text]).toEqual([undefined, prose]);
        expect(ownSyncWork.depth).toBe(0);
      },
      () => {
        throw new Error('out of memory');
      },
    );
  });
});

function short(res: Response): void {
  res.writeHead(200, { 'Content-Type': 'text/plain', 'Content-Length': 5 });
  res.end('short');
}

describe('compression over HTTP/2', () => {
  it('encodes whole and written bodies', async () => {
    const middleware = compression();
    const server = http2.createServer((req, res) => {
      middleware(req as never, res as never, () => {
        res.setHeader('content-type', 'text/plain');
        if (req.url === '/whole') return void res.end(prose);
        res.write(prose.slice(0, 2000));
        res.end(prose.slice(2000));
      });
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const client = http2.connect(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
    try {
      for (const where of ['/whole', '/parts']) {
        const stream = client.request({ ':path': where, 'accept-encoding': 'gzip' });
        let encoding: unknown;
        stream.on('response', (headers) => {
          encoding = headers['content-encoding'];
        });
        const chunks: Buffer[] = [];
        for await (const chunk of stream) chunks.push(chunk);
        expect(encoding).toBe('gzip');
        expect(zlib.gunzipSync(Buffer.concat(chunks)).toString()).toBe(prose);
      }
    } finally {
      client.close();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    }
  });
});

describe('compression options', () => {
  it.each([
    [{ treshold: 1 }, /unknown option 'treshold'/],
    [{ threshold: '1kb' }, /`threshold` to be a whole number of bytes.*got '1kb'/],
    [{ encodings: ['deflate'] }, /`encodings` to be a list of/],
    [{ encodings: [] }, /`encodings` to be a list of/],
    [{ levels: { gzip: 10 } }, /levels: expected `gzip`.*at most 9, got 10/],
    [{ levels: { deflate: 1 } }, /unknown option 'deflate'/],
    [{ levels: 4 }, /levels: expected an options object, got 4/],
    [{ breach: true }, /`breach` to be one of 'pad', 'skip', 'off', got true/],
    [{ syncLimitBytes: -1 }, /`syncLimitBytes`/],
    [{ cacheBytes: constants.MAX_LENGTH + 1 }, /`cacheBytes` to be a whole number of bytes, 0 or more/],
  ])('refuses %p', (options, message) => {
    expect(() => compression(options as never)).toThrow(message);
  });

  it('treats undefined as omitted, and has a name and an arity', () => {
    const { name, length } = compression({ threshold: undefined, levels: { br: undefined } });
    expect([name, length]).toEqual(['compressionMiddleware', 3]);
  });

  it('calls next before it returns', () => {
    const next = jest.fn();
    compression()({ headers: {} } as never, {} as never, next);
    expect(next).toHaveBeenCalledTimes(1);
  });
});
