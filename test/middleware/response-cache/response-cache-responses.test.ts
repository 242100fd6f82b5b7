import path from 'node:path';
import { Readable } from 'node:stream';
import zlib from 'node:zlib';
import type { Express } from 'express';
import { memoryStore, productionize } from '../../../src/index.js';
import { cachedApps, cacheStatus, counted, minute } from '../../helpers/cached.js';
import { accept, decoded, prose } from '../../helpers/encoding.js';
import { expressVersions } from '../../helpers/express-versions.js';
import { quiet } from '../../helpers/memory-log.js';
import { type Answer, closeAll, get, serve } from '../../helpers/serve.js';

afterEach(closeAll);

const files = path.join(__dirname, '../../fixtures/real-files');
const modified = 'Wed, 01 Nov 2023 10:00:00 GMT';

function addRoutes(app: Express): Express {
  app.use((_req, res, next) => {
    res.set('Cache-Control', minute);
    next();
  });
  app.get('/json', (_req, res) => void res.json({ prose }));
  app.get('/text', (_req, res) => void res.type('text').send('short'));
  app.get('/strong', (_req, res) => void res.set('ETag', '"strong"').send('strong'));
  app.get('/weak', (_req, res) => void res.set('ETag', 'W/"weak"').send('weak'));
  app.get('/dated', (_req, res) => void res.set('Last-Modified', modified).send('dated'));
  app.get('/both', (_req, res) => void res.set({ 'Last-Modified': modified, ETag: '"both"' }).send('both'));
  app.get('/german', (_req, res) => void res.set('Content-Language', 'de').send('deutsch'));
  app.get('/missing', (_req, res) => void res.status(404).send('missing'));
  app.get('/moved', (_req, res) => void res.redirect(301, '/json'));
  app.get('/empty', (_req, res) => void res.status(204).end());
  app.get('/buffer', (_req, res) => void res.send(Buffer.from([0, 255, 13, 10])));
  app.get('/end', (_req, res) => void res.end('ended'));
  app.get('/head', (_req, res) => void res.writeHead(203, 'Other', ['X-Raw', 'yes']).end('raw'));
  app.get('/written', (_req, res) => {
    res.write('in ');
    res.write(Buffer.from('parts'));
    res.end();
  });
  app.get('/flushed', (_req, res) => {
    res.flushHeaders();
    res.end('flushed');
  });
  app.get('/piped', (_req, res) => {
    Readable.from(['a', 'b', 'c']).pipe(res.type('png'));
  });
  app.get('/file', (_req, res) => void res.sendFile(path.join(files, 'page.html'), { cacheControl: false }));
  app.get(
    '/download',
    (_req, res) => void res.download(path.join(files, 'page.html'), 'page.html', { cacheControl: false }),
  );
  app.set('views', files);
  app.get('/view', (_req, res) => void res.render('view.ejs', { title: 'x', rows: 3 }));
  return app;
}

const paths = [
  '/json /text /strong /weak /dated /both /german /missing /moved /empty',
  '/buffer /end /head /written /flushed /piped /file /download /view /nowhere',
].flatMap((line) => line.split(' '));

/** Counts calls of what encodes; not every function of zlib may be assigned to. */
function countEncoders() {
  const names = ['gzipSync', 'brotliCompressSync', 'createGzip', 'createBrotliCompress'] as const;
  const before = names.map((name) => Object.getOwnPropertyDescriptor(zlib, name) as PropertyDescriptor);
  const count = {
    calls: 0,
    stop() {
      for (const [i, name] of names.entries())
        Object.defineProperty(zlib, name, before[i] as PropertyDescriptor);
    },
  };
  for (const [i, name] of names.entries()) {
    const original = zlib[name] as (...args: unknown[]) => unknown;
    const value = (...args: unknown[]) => {
      count.calls += 1;
      return original(...args);
    };
    Object.defineProperty(zlib, name, { ...before[i], value });
  }
  return count;
}

/** What the two may differ in: when they were made, for whom, and who says so. */
const apart = [
  'date',
  'age',
  'cache-status',
  'x-request-id',
  'transfer-encoding',
  'connection',
  'keep-alive',
];

function comparable({ status, headers, text }: Answer, method: string) {
  const same = Object.fromEntries(Object.entries(headers).filter(([name]) => !apart.includes(name)));
  // a stored body has a length, also where it was written in parts
  if (headers['transfer-encoding'] === 'chunked' && !headers['content-encoding']) {
    same['content-length'] = String(Buffer.byteLength(text));
  }
  // and one that is encoded is encoded whole
  if (method === 'HEAD' || headers['content-encoding']) delete same['content-length'];
  return { status, headers: same, text };
}

describe.each(expressVersions)('on %s', (_name, express) => {
  async function both(options: object = {}) {
    const plain = await serve(addRoutes(productionize(express(), { ...quiet(), ...options })));
    const cached = await serve(addRoutes(productionize(express(), { ...quiet(), ...options, cache: true })));
    return { plain, cached };
  }

  describe.each(paths)('GET and HEAD of %s', (to) => {
    it.each([{}, { 'accept-encoding': 'gzip' }])('equal the uncached route with %j', async (encodings) => {
      const { plain, cached } = await both();
      const first = await get(plain.url + to, { headers: encodings });
      await get(cached.url + to, { headers: encodings });
      const etag = first.headers.etag ?? '"none"';
      const requests: [string, Record<string, string>][] = [
        ['GET', {}],
        ['HEAD', {}],
        ['GET', { 'if-none-match': etag }],
        ['HEAD', { 'if-none-match': etag }],
        ['GET', { 'if-none-match': `"a", ${etag}, W/"b"` }],
        ['GET', { 'if-none-match': etag.replace(/^W\//, '') }],
        ['GET', { 'if-none-match': `W/${etag.replace(/^W\//, '')}` }],
        ['GET', { 'if-none-match': '*' }],
        ['GET', { 'if-none-match': '"other"' }],
        ['GET', { 'if-none-match': '' }],
        ['GET', { 'if-none-match': etag, 'cache-control': 'no-cache' }],
        [
          'GET',
          { 'if-none-match': '"other"', 'if-modified-since': first.headers['last-modified'] ?? modified },
        ],
        ['GET', { 'if-modified-since': first.headers['last-modified'] ?? modified }],
        ['GET', { 'if-modified-since': 'Wed, 01 Nov 2000 10:00:00 GMT' }],
        ['GET', { 'if-modified-since': 'nonsense' }],
        ['GET', { range: 'bytes=0-3' }],
        ['GET', { range: 'bytes=-2' }],
        ['GET', { range: 'bytes=2-' }],
        ['GET', { range: 'bytes=0-1,3-4' }],
        ['GET', { range: 'bytes=0-1,1-3' }],
        ['GET', { range: 'bytes=nonsense' }],
        ['GET', { range: 'lines=0-1' }],
        ['GET', { range: 'bytes=99999-' }],
        ['GET', { range: 'bytes=0-1', 'if-range': etag }],
        ['GET', { range: 'bytes=0-1', 'if-range': '"other"' }],
        ['GET', { range: 'bytes=0-1', 'if-range': first.headers['last-modified'] ?? modified }],
        ['GET', { range: 'bytes=0-1', 'if-range': 'Wed, 01 Nov 2000 10:00:00 GMT' }],
      ];
      let hits = 0;
      for (const [method, given] of requests) {
        const headers = { ...encodings, ...given };
        const expected = await get(plain.url + to, { method, headers });
        const actual = await get(cached.url + to, { method, headers });
        if (cacheStatus(actual).startsWith('hit')) hits += 1;
        expect([method, given, comparable(actual, method)]).toEqual([
          method,
          given,
          comparable(expected, method),
        ]);
        expect(actual.cut).toBe(false);
      }
      // what the error handler says of an unknown path is not stored; some ranges are the route's to judge
      expect(hits).toBeGreaterThanOrEqual(to === '/nowhere' ? 0 : requests.length - 3);
    });

    it.each([
      ['If-None-Match', (answer: Answer) => ({ 'if-none-match': answer.headers.etag ?? '"none"' })],
      [
        'If-Modified-Since',
        (answer: Answer) => ({ 'if-modified-since': answer.headers['last-modified'] ?? modified }),
      ],
      ['a range', () => ({ range: 'bytes=0-3' })],
    ])('equal the uncached route when the first request has %s', async (_what, given) => {
      const { plain, cached } = await both();
      const headers = given(await get(plain.url + to)) as Record<string, string>;
      const expected = await get(plain.url + to, { headers });
      const whole = await get(plain.url + to);
      for (let i = 0; i < 2; i++) {
        expect(comparable(await get(cached.url + to, { headers }), 'GET')).toEqual(
          comparable(expected, 'GET'),
        );
      }
      expect(comparable(await get(cached.url + to), 'GET')).toEqual(comparable(whole, 'GET'));
    });
  });

  it('a HEAD is served from the stored GET, with its length', async () => {
    const { cached } = await both();
    const whole = await get(`${cached.url}/text`);
    const head = await get(`${cached.url}/text`, { method: 'HEAD' });
    expect([head.headers['content-length'], head.text]).toEqual([whole.headers['content-length'], '']);
    expect(cacheStatus(head)).toMatch(/^hit/);
  });

  it('a body is encoded once per encoding, however often it is sent', async () => {
    const app = addRoutes(
      productionize(express(), { ...quiet(), compression: { encodings: ['br', 'gzip'] }, cache: true }),
    );
    app.get('/large', (_req, res) => void res.type('text').send(prose.repeat(50)));
    const { url } = await serve(app);
    const encoders = countEncoders();
    try {
      for (const [to, body] of [
        ['/json', JSON.stringify({ prose })],
        ['/large', prose.repeat(50)],
      ] as const) {
        const before = encoders.calls;
        // the first answer is encoded on its way to its client
        await get(url + to, accept('br'));
        for (const encoding of ['gzip', 'br', 'gzip', 'br', 'gzip']) {
          const answer = await get(url + to, accept(encoding));
          expect([answer.headers['content-encoding'], decoded(answer)]).toEqual([encoding, body]);
        }
        expect(encoders.calls - before).toBe(2);
        const again = await get(url + to, accept('gzip'));
        expect(again.headers['content-length']).toBe(String(again.body.length));
      }
    } finally {
      encoders.stop();
    }
  });
});

describe.each(cachedApps)('bodies on %s', (_name, make) => {
  it("stores an app's own Content-Encoding with its Vary, each for clients that accept it", async () => {
    const { app } = make();
    const handler = counted((req, res) => {
      res.set({ 'Cache-Control': minute, Vary: 'Accept-Encoding', 'Content-Type': 'text/plain' });
      if (!String(req.headers['accept-encoding']).includes('gzip')) return res.send(prose);
      return res.set('Content-Encoding', 'gzip').send(zlib.gzipSync(prose));
    });
    app.use(handler);
    const { url } = await serve(app);
    for (let i = 0; i < 2; i++) {
      expect((await get(url)).text).toBe(prose);
      const encoded = await get(url, accept('gzip'));
      expect([encoded.headers['content-encoding'], zlib.gunzipSync(encoded.body).toString()]).toEqual([
        'gzip',
        prose,
      ]);
    }
    expect(handler.calls).toBe(2);
  });

  it('calls the callbacks of write and end once', async () => {
    const { app } = make();
    const calls: string[] = [];
    let ended: unknown;
    app.use((_req, res) => {
      res.set('Cache-Control', minute).once('finish', () => calls.push('finish'));
      res.write('a', () => calls.push('write'));
      res.write('Yg==', 'base64', () => calls.push('base64'));
      const returned = res.end(() => calls.push('end'));
      ended = [returned === res, res.writableEnded];
    });
    const { url } = await serve(app);
    const answers = [await get(url), await get(url)];
    expect(answers.map(({ text }) => text)).toEqual(['ab', 'ab']);
    expect(calls.sort()).toEqual(['base64', 'end', 'finish', 'write']);
    expect(ended).toEqual([true, true]);
  });

  it('copies the chunks of a handler, which may reuse its buffer', async () => {
    const { app } = make();
    const buffer = Buffer.from('first ');
    app.use((_req, res) => {
      res.set('Cache-Control', minute);
      res.write(buffer, () => {
        buffer.write('second');
        res.end(buffer);
      });
    });
    const { url } = await serve(app);
    await get(url);
    buffer.fill('x');
    expect((await get(url)).text).toBe('first second');
  });

  it('passes a body on that grows too large, under the back-pressure of its client', async () => {
    const { app } = make({ maxEntryBytes: 100_000 });
    let drains = 0;
    app.use((_req, res) => {
      res.set('Cache-Control', minute).on('drain', () => {
        drains += 1;
      });
      Readable.from(Array.from({ length: 200 }, () => Buffer.alloc(65_536, 'x'))).pipe(res);
    });
    const { url } = await serve(app);
    const answers = [await get(url), await get(url)];
    expect(answers.map(({ body }) => body.length)).toEqual([200 * 65_536, 200 * 65_536]);
    expect(drains).toBeGreaterThan(0);
    expect(cacheStatus(answers[1] as never)).toBe('fwd=uri-miss');
  });
});

describe('memoryStore', () => {
  const entry = (bytes: number, tags: string[] = [], seconds = 60) => ({
    head: {},
    body: Buffer.alloc(bytes),
    expiresAt: Date.now() + seconds * 1000,
    tags,
  });

  it('holds at most `maxBytes`, and removes the least recently used entry', () => {
    const store = memoryStore({ maxBytes: 10_000 });
    store.set('a', entry(3000));
    store.set('b', entry(3000));
    store.get('a');
    store.set('c', entry(3000));
    expect(['a', 'b', 'c'].map((key) => store.get(key) !== undefined)).toEqual([true, false, true]);
    store.set('huge', entry(10_000));
    expect(['a', 'huge', 'c'].map((key) => store.get(key) !== undefined)).toEqual([true, false, true]);
  });

  it('counts the encodings of a body', async () => {
    const { storedEncodings } = await import('../../../src/support/encoding/stored-encodings.js');
    const store = memoryStore({ maxBytes: 10_000 });
    const [a, b] = [entry(3000), entry(3000)];
    store.set('a', a);
    store.set('b', b);
    storedEncodings(b.body)?.set('gzip', Buffer.alloc(3000));
    expect(['a', 'b'].map((key) => store.get(key) !== undefined)).toEqual([false, true]);
    // of one that is gone already, nothing is counted
    storedEncodings(a.body)?.set('gzip', Buffer.alloc(9000));
    expect(store.get('b')).toBe(b);
  });

  it('removes entries that have expired, were replaced, or were purged by key, prefix or tag', () => {
    const store = memoryStore();
    store.set('/a x', entry(1, ['t', 'u']));
    store.set('/ab x', entry(1, ['t']));
    store.set('/b x', entry(1, [], -1));
    store.set('/c x', entry(1, ['t']));
    store.set('/c x', entry(1, ['u']));
    expect(store.get('/b x')).toBeUndefined();
    expect(store.purge({ tag: 't' })).toEqual({ removed: 2, reach: 'process' });
    expect(store.purge({ tag: 't' })).toEqual({ removed: 0, reach: 'process' });
    expect(store.purge({ prefix: '/c' })).toEqual({ removed: 1, reach: 'process' });
    store.set('/d x', entry(1));
    expect(store.purge({ key: '/d x' })).toEqual({ removed: 1, reach: 'process' });
    store.set('/e x', entry(1));
    store.close?.();
    expect(store.get('/e x')).toBeUndefined();
  });
});
