import { createHash } from 'node:crypto';
import fs from 'node:fs';
import type http from 'node:http';
import type { RequestListener } from 'node:http';
import zlib from 'node:zlib';
import type { ErrorRequestHandler } from 'express';
import { isHttpError } from 'http-errors';
import { productionize, type StaticFilesOptions, staticFiles } from '../../../src/index.js';
import { accept, decoded, noise, prose } from '../../helpers/encoding.js';
import { type ExpressFactory, expressVersions } from '../../helpers/express-versions.js';
import { quiet } from '../../helpers/memory-log.js';
import { repetitions } from '../../helpers/repetitions.js';
import { closeAll, get, serve } from '../../helpers/serve.js';
import { letFilesRest, makeSite, removeSites, watchFs } from '../../helpers/site.js';

afterEach(async () => {
  jest.restoreAllMocks();
  await closeAll();
  removeSites();
});

const zstd = 'zstdCompressSync' in zlib ? zlib.zstdCompressSync(prose) : Buffer.from('any bytes');
const siblings = {
  'app.js': prose,
  'app.js.br': zlib.brotliCompressSync(prose),
  'app.js.gz': zlib.gzipSync(prose),
  'app.js.zst': zstd,
};

async function serveSite(
  express: ExpressFactory,
  files: Record<string, string | Uint8Array>,
  options?: StaticFilesOptions,
) {
  const site = makeSite(files);
  const app = express();
  app.use(staticFiles(site.root, options));
  const { url, port } = await serve(app);
  return { ...site, url, port };
}

describe.each(expressVersions)('staticFiles on %s', (_name, express) => {
  it('sends a file with its type, length, validators and a short freshness', async () => {
    letFilesRest();
    const { url, at } = await serveSite(express, { 'sub/a b.css': 'b { color: red }' });
    const answer = await get(`${url}/sub/a%20b.css?v=1`);
    expect([answer.status, answer.text]).toEqual([200, 'b { color: red }']);
    expect(answer.headers).toMatchObject({
      'content-type': 'text/css; charset=utf-8',
      'content-length': '16',
      'cache-control': 'max-age=60',
      'accept-ranges': 'bytes',
      'last-modified': fs.statSync(at('sub/a b.css')).mtime.toUTCString(),
      etag: expect.stringMatching(/^"10-[0-9a-f]+"$/),
      vary: 'Accept-Encoding',
    });
  });

  it('a content hash in the name makes a file immutable, HTML is always revalidated', async () => {
    const { url } = await serveSite(express, {
      'assets/index-BfX3a9Qz.js': 'x',
      'main.0a1b2c3d.css': 'x',
      'index.html': '<p>',
      'page-BfX3a9Qz.html': '<p>',
      'jquery-3.7.1.min.js': 'x',
    });
    const control = async (path: string) => (await get(url + path)).headers['cache-control'];
    expect(await control('/assets/index-BfX3a9Qz.js')).toBe('max-age=31536000, immutable');
    expect(await control('/main.0a1b2c3d.css')).toBe('max-age=31536000, immutable');
    expect(await control('/')).toBe('no-cache');
    expect(await control('/index.html')).toBe('no-cache');
    expect(await control('/page-BfX3a9Qz.html')).toBe('no-cache');
    expect(await control('/jquery-3.7.1.min.js')).toBe('max-age=60');
  });

  it.each([
    ['a pattern', /^\/assets\//g, ['immutable', 'short']],
    ['a function', (path: string) => path === '/b-1.js', ['short', 'immutable']],
    ['false', false, ['short', 'short']],
    [
      'a function that throws',
      () => {
        throw new Error('no rule');
      },
      ['short', 'short'],
    ],
  ])('immutable by %s', async (_what, immutable, expected) => {
    const { url } = await serveSite(
      express,
      { 'assets/a.js': 'x', 'b-1.js': 'x' },
      { immutable, maxAgeSeconds: 5 },
    );
    const seen = [];
    // a pattern with the flag g would remember its last match
    for (const path of ['/assets/a.js', '/b-1.js', '/assets/a.js']) {
      seen.push((await get(url + path)).headers['cache-control'] === 'max-age=5' ? 'short' : 'immutable');
    }
    expect(seen).toEqual([...expected, expected[0]]);
  });

  it('a Cache-Control that the app has set is preserved', async () => {
    const site = makeSite({ 'a.js': 'x' });
    const app = express();
    app.use((_req, res, next) => {
      res.set({ 'Cache-Control': 'private, no-store', Vary: 'Origin' });
      next();
    });
    app.use(staticFiles(site.root));
    const { headers } = await get(`${(await serve(app)).url}/a.js`);
    expect(headers).toMatchObject({ 'cache-control': 'private, no-store', vary: 'Origin, Accept-Encoding' });
  });

  it('setHeaders is called last, with the file', async () => {
    const seen: [string, number][] = [];
    const { url, at } = await serveSite(
      express,
      { 'a.woff2': 'font' },
      {
        setHeaders(res, path, stats) {
          seen.push([path, stats.size]);
          res.setHeader('Access-Control-Allow-Origin', '*');
          res.setHeader('Cache-Control', 'max-age=1');
        },
      },
    );
    const { headers } = await get(`${url}/a.woff2`);
    expect(headers).toMatchObject({ 'access-control-allow-origin': '*', 'cache-control': 'max-age=1' });
    expect(seen).toEqual([[at('a.woff2'), 4]]);
  });

  it('a setHeaders that throws fails one request', async () => {
    const { url } = await serveSite(
      express,
      { 'a.js': 'x' },
      {
        setHeaders() {
          throw new Error('no headers');
        },
      },
    );
    for (let i = 0; i < 2; i++) expect((await get(`${url}/a.js`)).status).toBe(500);
  });

  describe('precompressed siblings', () => {
    it.each([
      ['br', 'br'],
      ['gzip', 'gzip'],
      ['zstd', 'zstd'],
      ['gzip, deflate, br, zstd', 'br'],
      ['gzip, br;q=0.1', 'gzip'],
      ['*', 'br'],
      ['br;q=0, gzip;q=0, *;q=0', undefined],
      ['identity', undefined],
      ['deflate', undefined],
      ['', undefined],
      ['\\garbage;;q=9', undefined],
    ])('Accept-Encoding %j gets %s', async (accepted, encoding) => {
      const { url } = await serveSite(express, siblings);
      const answer = await get(`${url}/app.js`, accept(accepted));
      expect(answer.headers['content-encoding']).toBe(encoding);
      expect(answer.headers['content-type']).toBe('text/javascript; charset=utf-8');
      expect(answer.headers.vary).toBe('Accept-Encoding');
      expect(answer.headers['content-length']).toBe(String(answer.body.length));
      if (encoding === 'zstd') expect(answer.body).toEqual(zstd);
      else expect(decoded(answer)).toBe(prose);
    });

    it('each has its own ETag, which gives 304 for that form only', async () => {
      letFilesRest();
      const { url } = await serveSite(express, siblings);
      const tags = new Map<string, string>();
      for (const encoding of ['br', 'gzip', 'zstd', 'identity']) {
        tags.set(encoding, String((await get(`${url}/app.js`, accept(encoding))).headers.etag));
      }
      expect(new Set(tags.values()).size).toBe(4);
      for (const [encoding, tag] of tags) {
        expect(tag).toMatch(/^"/);
        for (const wanted of tags.keys()) {
          const headers = { 'accept-encoding': wanted, 'if-none-match': tag };
          const answer = await get(`${url}/app.js`, { headers });
          expect([wanted, answer.status]).toEqual([wanted, wanted === encoding ? 304 : 200]);
          expect(answer.headers.vary).toBe('Accept-Encoding');
        }
      }
    });

    it.each([
      ['older than its original', (at: (name: string) => string) => fs.utimesSync(at('app.js.br'), 1e9, 1e9)],
      ['empty', (at: (name: string) => string) => fs.writeFileSync(at('app.js.br'), '')],
      [
        'larger than its original',
        (at: (name: string) => string) => fs.appendFileSync(at('app.js.br'), prose),
      ],
      [
        'a folder',
        (at: (name: string) => string) => {
          fs.rmSync(at('app.js.br'));
          fs.mkdirSync(at('app.js.br'));
        },
      ],
      [
        'a link out of the root',
        (at: (name: string) => string) => {
          fs.renameSync(at('app.js.br'), at('../outside.br'));
          fs.symlinkSync(at('../outside.br'), at('app.js.br'));
        },
      ],
    ])('one that is %s is ignored', async (_what, spoil) => {
      const { url, at } = await serveSite(express, siblings);
      spoil(at);
      const answer = await get(`${url}/app.js`, accept('br, gzip;q=0.5'));
      expect(answer.headers['content-encoding']).toBe('gzip');
      expect(decoded(answer)).toBe(prose);
    });

    it('one with the time of its original is sent, also if the time is rounded to milliseconds', async () => {
      const { url, at } = await serveSite(express, siblings);
      const { mtimeMs } = fs.statSync(at('app.js'));
      fs.utimesSync(at('app.js.br'), Math.floor(mtimeMs) / 1000, Math.floor(mtimeMs) / 1000);
      expect((await get(`${url}/app.js`, accept('br'))).headers['content-encoding']).toBe('br');
    });

    it('one that is created, changed or removed is detected', async () => {
      const { url, at, write } = await serveSite(express, { 'app.js': prose });
      const ask = async () => (await get(`${url}/app.js`, accept('br'))).headers['content-encoding'];
      expect(await ask()).toBeUndefined();
      write('app.js.br', siblings['app.js.br']);
      expect(await ask()).toBe('br');
      fs.rmSync(at('app.js.br'));
      expect(await ask()).toBeUndefined();
    });

    it('are searched in the order of `precompressed`, and only for compressible files', async () => {
      const calls = watchFs();
      const { url } = await serveSite(
        express,
        { ...siblings, 'a.png': 'x' },
        { precompressed: ['gzip', 'br'] },
      );
      expect((await get(`${url}/app.js`, accept('br, gzip, zstd'))).headers['content-encoding']).toBe('gzip');
      await get(`${url}/a.png`, accept('br, gzip, zstd'));
      expect(calls.filter((call) => /^promises.*(?:\.zst$|png\.)/.test(call))).toEqual([]);
    });
  });

  describe('ranges', () => {
    it('a range applies to the identity, whatever encodings are accepted', async () => {
      letFilesRest();
      const { url } = await serveSite(express, siblings);
      const plain = await get(`${url}/app.js`);
      const answer = await get(`${url}/app.js`, {
        headers: { range: 'bytes=10-19', 'accept-encoding': 'br' },
      });
      expect([answer.status, answer.text]).toEqual([206, prose.slice(10, 20)]);
      expect(answer.headers).toMatchObject({
        'content-range': `bytes 10-19/${prose.length}`,
        'content-length': '10',
        etag: plain.headers.etag,
        vary: 'Accept-Encoding',
      });
      expect(answer.headers).not.toHaveProperty('content-encoding');
    });

    it('a client with a part of an encoded form receives the whole of it again', async () => {
      letFilesRest();
      const { url } = await serveSite(express, siblings);
      const whole = await get(`${url}/app.js`, accept('br'));
      const headers = {
        range: 'bytes=10-19',
        'accept-encoding': 'br',
        'if-range': String(whole.headers.etag),
      };
      const answer = await get(`${url}/app.js`, { headers });
      expect([answer.status, answer.headers['content-encoding']]).toEqual([200, 'br']);
      expect(answer.body).toEqual(whole.body);
    });

    it('If-Range matches by a strong ETag or the exact date only', async () => {
      letFilesRest();
      const { url } = await serveSite(express, { 'a.png': noise(100) });
      const { etag, 'last-modified': date } = (await get(`${url}/a.png`)).headers;
      const status = async (condition: string) =>
        (await get(`${url}/a.png`, { headers: { range: 'bytes=0-1', 'if-range': condition } })).status;
      expect(await status(String(etag))).toBe(206);
      expect(await status(String(date))).toBe(206);
      expect(await status(`W/${etag}`)).toBe(200);
      expect(await status('"other"')).toBe(200);
      expect(await status(new Date(Date.now() + 1e6).toUTCString())).toBe(200);
      expect(await status('garbage')).toBe(200);
    });

    it('a file that was just written has a weak ETag, which If-Range does not match', async () => {
      jest.spyOn(Date, 'now').mockReturnValue(Date.now());
      const { url } = await serveSite(express, { 'a.png': noise(100) });
      const { etag } = (await get(`${url}/a.png`)).headers;
      expect(etag).toMatch(/^W\//);
      const headers = { range: 'bytes=0-1', 'if-range': String(etag) };
      expect((await get(`${url}/a.png`, { headers })).status).toBe(200);
      expect((await get(`${url}/a.png`, { headers: { 'if-none-match': String(etag) } })).status).toBe(304);
    });
  });

  it('responds to GET and HEAD, conditions and ranges as express.static does', async () => {
    letFilesRest();
    const files = {
      'a.txt': 'hello world',
      'sub/index.html': '<p>',
      'empty.txt': '',
      'large.bin': noise(900_000),
    };
    const site = makeSite(files);
    const date = fs.statSync(site.at('a.txt')).mtime.toUTCString();
    const later = new Date(Date.now() + 1e7).toUTCString();
    const earlier = new Date(1e12).toUTCString();
    const calls: [path: string, headers?: http.OutgoingHttpHeaders][] = [
      ['/a.txt'],
      ['/a.txt?x=/../y'],
      ['/empty.txt'],
      ['/large.bin'],
      ['/sub/'],
      ['/sub'],
      ['/sub?q=1'],
      ['/sub/?q=1'],
      ['/none.txt'],
      ['/a.txt/'],
      ['/a.txt/b'],
      ['/%'],
      ['/%zz'],
      ['/%c0%ae'],
      ...['*', '"x"', 'W/"x", *', '', '"a", "b"'].map(
        (tag) => ['/a.txt', { 'if-none-match': tag }] as [string, http.OutgoingHttpHeaders],
      ),
      ...[date, later, earlier, 'garbage'].flatMap(
        (when) =>
          [
            ['/a.txt', { 'if-modified-since': when }],
            ['/a.txt', { 'if-unmodified-since': when }],
            ['/a.txt', { 'if-none-match': '"x"', 'if-modified-since': when }],
          ] as [string, http.OutgoingHttpHeaders][],
      ),
      ['/a.txt', { 'if-modified-since': date, 'cache-control': 'no-cache' }],
      ['/a.txt', { 'if-match': '*' }],
      ['/a.txt', { 'if-match': '"x"' }],
      ...[
        'bytes=0-0',
        'bytes=0-',
        'bytes=5-',
        'bytes=-3',
        'bytes=3-100',
        'bytes=0-1,2-3',
        'bytes=0-1,5-6',
        'bytes=5-3',
      ].flatMap((range) => [
        ['/a.txt', { range }] as [string, http.OutgoingHttpHeaders],
        ['/large.bin', { range }] as [string, http.OutgoingHttpHeaders],
      ]),
    ];
    const app = express();
    app.use('/ours', staticFiles(site.root));
    app.use('/theirs', express.static(site.root));
    const { url } = await serve(app);
    for (const method of ['GET', 'HEAD']) {
      for (const [path, headers] of calls) {
        // RFC 9110 section 14.2 defines ranges for GET only
        if (method === 'HEAD' && headers?.range) continue;
        const [ours, theirs] = await Promise.all(
          ['/ours', '/theirs'].map(async (mount) => {
            const answer = await get(url + mount + path, { method, headers });
            const { location } = answer.headers;
            const hasBody = answer.status < 300;
            const same = [
              'content-range',
              'last-modified',
              'content-type',
              'content-length',
              'accept-ranges',
            ];
            return {
              status: answer.status,
              location: location?.replace(mount, ''),
              body: hasBody ? createHash('sha1').update(answer.body).digest('hex') : '',
              headers: hasBody
                ? same.map((name) => String(answer.headers[name]).replace('UTF-8', 'utf-8'))
                : [],
            };
          }),
        );
        expect({ method, path, headers, ...ours }).toEqual({ method, path, headers, ...theirs });
      }
    }
  });

  it.each([
    ['bytes=-300', 'bytes 0-4/5', 'hello'],
    ['bytes=-99999999999999999999', 'bytes 0-4/5', 'hello'],
    ['bytes=4-,-9', 'bytes 0-4/5', 'hello'],
    ['bytes=-5', 'bytes 0-4/5', 'hello'],
    ['bytes=-4', 'bytes 1-4/5', 'ello'],
  ])('the last bytes %j are at most the whole (RFC 9110 section 14.1.2)', async (range, part, body) => {
    const { url } = await serveSite(express, { 'a.txt': 'hello' });
    const { status, headers, text } = await get(`${url}/a.txt`, { headers: { range } });
    expect([status, headers['content-range'], text]).toEqual([206, part, body]);
  });

  it.each(['bytes=-0', 'bytes=5-', 'bytes=-0,9-'])('%j matches no bytes', async (range) => {
    const { url } = await serveSite(express, { 'a.txt': 'hello' });
    const { status, headers } = await get(`${url}/a.txt`, { headers: { range } });
    expect([status, headers['content-range']]).toEqual([416, 'bytes */5']);
  });

  it.each([
    ['Nix', 1],
    ['Cloud Native Buildpacks', Date.UTC(1980, 0, 1, 0, 0, 1) / 1000],
    ['npm pack', Date.UTC(1985, 9, 26, 8, 15) / 1000],
  ])('a new release is detected although %s sets one date on all files', async (_what, date) => {
    letFilesRest();
    const site = makeSite({ '1/index.html': 'app-1.js', '2/index.html': 'app-2.js' });
    const stamp = (name: string) => fs.utimesSync(site.at(name), date, date);
    stamp('1/index.html');
    // the kernel's clock has ticked since
    const { ctimeMs } = fs.statSync(site.at('1/index.html'));
    do stamp('2/index.html');
    while (fs.statSync(site.at('2/index.html')).ctimeMs <= ctimeMs);
    fs.symlinkSync('1', site.at('current'));
    const app = express();
    app.use(staticFiles(site.at('current')));
    const { url } = await serve(app);
    const first = await get(`${url}/`);
    const conditions = { 'if-none-match': first.headers.etag };
    expect((await get(`${url}/`, { headers: conditions })).status).toBe(304);
    fs.symlinkSync('2', site.at('next'));
    fs.renameSync(site.at('next'), site.at('current'));
    expect((await get(`${url}/`, { headers: conditions })).text).toBe('app-2.js');
    // a date says when the file came here, for clients that have nothing else
    const known = String(first.headers['last-modified']);
    expect(Date.now() - 60_000 - Date.parse(known)).toBeLessThan(60_000);
    expect((await get(`${url}/`, { headers: { 'if-unmodified-since': known } })).status).toBe(200);
  });

  it.each(['bytes=a-b', 'bytes', 'bytes=', 'lines=1-2', '', 'bytes=0-1,x'])(
    '%j is no range, and is ignored',
    async (range) => {
      const { url } = await serveSite(express, { 'a.txt': 'hello' });
      const { status, text } = await get(`${url}/a.txt`, { headers: { range } });
      expect([status, text]).toEqual([200, 'hello']);
    },
  );

  it('a range that is beyond the end is a 416 with the size', async () => {
    const { url } = await serveSite(express, { 'a.txt': 'hello' });
    const answer = await get(`${url}/a.txt`, { headers: { range: 'bytes=9-' } });
    expect([answer.status, answer.headers['content-range'], answer.text]).toEqual([416, 'bytes */5', '']);
    expect(answer.headers).not.toHaveProperty('cache-control');
  });

  it('HEAD has the headers of GET and no body, from memory and from disk', async () => {
    letFilesRest();
    const { url } = await serveSite(express, { ...siblings, 'large.txt': noise(800_000) });
    for (const path of ['/app.js', '/large.txt']) {
      for (let i = 0; i < 2; i++) {
        const head = await get(url + path, { method: 'HEAD', ...accept('gzip') });
        const whole = await get(url + path, accept('gzip'));
        expect(head.body).toHaveLength(0);
        expect({ ...head.headers, date: '' }).toEqual({ ...whole.headers, date: '' });
        expect(whole.body.length).toBe(Number(head.headers['content-length']));
      }
    }
  });

  describe('directories', () => {
    it('redirects to the path with a slash where there is an index, on the same host', async () => {
      const { url } = await serveSite(express, { 'sub/index.html': 'sub', 'bare/a.js': 'x' });
      const redirect = await get(`${url}/sub?q=//evil.test`);
      expect([redirect.status, redirect.headers.location]).toEqual([301, '/sub/?q=//evil.test']);
      expect((await get(`${url}/sub/`)).text).toBe('sub');
      expect((await get(`${url}/bare`)).status).toBe(404);
      expect((await get(`${url}/bare/`)).status).toBe(404);
    });

    it('redirects the mount path itself, with the query', async () => {
      const site = makeSite({ 'index.html': 'home' });
      const app = express();
      app.use('/docs', staticFiles(site.root));
      const { url } = await serve(app);
      for (let i = 0; i < 2; i++) {
        const redirect = await get(`${url}/docs?q=1`);
        expect([redirect.status, redirect.headers.location]).toEqual([301, '/docs/?q=1']);
        expect((await get(`${url}/docs/`)).text).toBe('home');
      }
    });

    it('redirects to an encoded URL where an adapter has decoded the path', async () => {
      const site = makeSite({ 'größe 5€/index.html': 'size' });
      const app = express();
      app.use('/docs', staticFiles(site.root));
      // as serverless adapters do
      const { url } = await serve((req, res) => {
        req.url = decodeURI(req.url ?? '');
        (app as unknown as RequestListener)(req, res);
      });
      const path = '/docs/gr%C3%B6%C3%9Fe%205%E2%82%AC';
      const redirect = await get(`${url}${path}?q=%C3%BC&r=1`);
      expect([redirect.status, redirect.headers.location]).toEqual([301, `${path}/?q=%C3%BC&r=1`]);
      expect((await get(`${url}${path}/`)).text).toBe('size');
    });

    it('with `index: false`, directories go to the next handler', async () => {
      const { url } = await serveSite(
        express,
        { 'index.html': 'x', 'sub/index.html': 'x' },
        { index: false },
      );
      for (const path of ['/', '/sub', '/sub/']) expect((await get(url + path)).status).toBe(404);
      expect((await get(`${url}/index.html`)).status).toBe(200);
    });
  });

  describe('requests for the next handler', () => {
    it.each(['POST', 'PUT', 'DELETE', 'OPTIONS', 'PATCH'])('%s goes to the next handler', async (method) => {
      const site = makeSite({ 'a.js': 'x' });
      const app = express();
      app.use(staticFiles(site.root), (req, res) => void res.send(`next ${req.method}`));
      const { url } = await serve(app);
      expect((await get(`${url}/a.js`, { method })).text).toBe(`next ${method}`);
      expect((await get(`${url}/none`)).text).toBe('next GET');
    });

    it('with `fallthrough: false` they are 404 and 405, without the path of a file', async () => {
      const { url } = await serveSite(express, { 'a.js': 'x' }, { fallthrough: false });
      const post = await get(`${url}/a.js`, { method: 'POST' });
      expect([post.status, post.headers.allow]).toEqual([405, 'GET, HEAD']);
      for (const path of ['/none', '/.env', '/%']) {
        const { status, headers } = await get(url + path);
        expect(status).toBe(404);
        expect(headers).not.toHaveProperty('etag');
      }
    });

    it('errors have the `statusCode` that handlers of apps read, as those of http-errors', async () => {
      const site = makeSite({ 'a.js': 'x' });
      const app = express();
      const passed: unknown[] = [];
      app.use(staticFiles(site.root, { fallthrough: false }));
      app.use(((error, _req, res, _next) => {
        passed.push(error);
        res.status(error.statusCode).end();
      }) as ErrorRequestHandler);
      const { url } = await serve(app);
      expect((await get(`${url}/none`)).status).toBe(404);
      jest
        .spyOn(fs.promises, 'stat')
        .mockRejectedValueOnce(Object.assign(new Error('/srv/a.js'), { code: 'EACCES' }));
      expect((await get(`${url}/a.js`)).status).toBe(403);
      expect(passed).toMatchObject([
        { status: 404, statusCode: 404, expose: true },
        { status: 403, statusCode: 403, expose: false },
      ]);
      expect(passed.every((error) => isHttpError(error))).toBe(true);
    });

    it.each([
      ['a read error', 'open', Object.assign(new Error('/srv/a.js'), { code: 'EIO' }), 500],
      ['setHeaders', 'setHeaders', new Error('broken'), 500],
      ['setHeaders, with a status', 'setHeaders', Object.assign(new Error('busy'), { status: 503 }), 503],
    ])('every error has a `statusCode`: %s', async (_what, where, error, status) => {
      const site = makeSite({ 'a.js': 'x' });
      const setHeaders = () => {
        throw error;
      };
      const app = express();
      app.use(
        staticFiles(site.root, { revalidateMs: 60_000, ...(where === 'setHeaders' && { setHeaders }) }),
      );
      const passed: unknown[] = [];
      app.use(((caught, _req, res, _next) => {
        passed.push(caught);
        res.status(caught.statusCode).end();
      }) as ErrorRequestHandler);
      const { url } = await serve(app);
      // the second one is in memory
      for (let i = 0; i < (where === 'open' ? 1 : 2); i++) {
        if (where === 'open') jest.spyOn(fs.promises, 'open').mockRejectedValueOnce(error);
        expect((await get(`${url}/a.js`)).status).toBe(status);
        expect(passed.pop()).toMatchObject({ status, statusCode: status, expose: false });
      }
    });

    it('reports a missing directory once', async () => {
      const seen: string[] = [];
      jest.spyOn(process, 'emitWarning').mockImplementation((message) => void seen.push(String(message)));
      const site = makeSite();
      const app = express();
      app.use(staticFiles(site.at('dits')));
      const { url } = await serve(app);
      for (let i = 0; i < 3; i++) expect((await get(`${url}/a.js`)).status).toBe(404);
      expect(seen).toHaveLength(1);
      expect(seen[0]).toContain('err_productionize_static_root');
    });
  });

  describe('with compression', () => {
    const apps = {
      'of productionize': (root: string) =>
        productionize(express(), { ...quiet(), compression: { threshold: 0 } }).use(staticFiles(root)),
    };
    it.each(Object.entries(apps))('a sibling is not encoded again (%s)', async (_what, make) => {
      letFilesRest();
      const site = makeSite({
        ...siblings,
        'bare.js': prose,
        'a.png': noise(5000),
        'large.js': prose.repeat(300),
      });
      const { url } = await serve(make(site.root));
      for (let i = 0; i < 2; i++) {
        const sibling = await get(`${url}/app.js`, accept('gzip'));
        expect(sibling.body).toEqual(siblings['app.js.gz']);
        expect(sibling.headers).toMatchObject({ 'content-encoding': 'gzip', vary: 'Accept-Encoding' });
        expect(sibling.headers.etag).toMatch(/^"/);
        for (const path of ['/bare.js', '/large.js']) {
          const bare = await get(url + path, accept('gzip'));
          expect(bare.headers).toMatchObject({ 'content-encoding': 'gzip', vary: 'Accept-Encoding' });
          expect(bare.headers.etag).toMatch(/^W\//);
          expect(bare.headers).not.toHaveProperty('accept-ranges');
          expect(decoded(bare)).toBe(path === '/bare.js' ? prose : prose.repeat(300));
        }
        expect((await get(`${url}/a.png`, accept('gzip'))).headers).not.toHaveProperty('content-encoding');
      }
    });

    it('ranges and conditional requests work', async () => {
      letFilesRest();
      const site = makeSite({ ...siblings, 'bare.js': prose });
      const app = productionize(express(), quiet()).use(staticFiles(site.root));
      const { url } = await serve(app);
      for (const path of ['/app.js', '/bare.js']) {
        const part = await get(url + path, { headers: { range: 'bytes=0-2999', 'accept-encoding': 'gzip' } });
        expect([part.status, part.text]).toEqual([206, prose.slice(0, 3000)]);
        const { etag } = (await get(url + path, accept('gzip'))).headers;
        const headers = { 'if-none-match': String(etag), 'accept-encoding': 'gzip' };
        const again = await get(url + path, { headers });
        expect([again.status, again.headers.vary]).toEqual([304, 'Accept-Encoding']);
        // the client holds encoded bytes, which no range of the identity continues
        const rest = await get(url + path, {
          headers: { ...headers, range: 'bytes=9-', 'if-range': String(etag), 'if-none-match': '"x"' },
        });
        expect([rest.status, decoded(rest)]).toEqual([200, prose]);
      }
    });
  });
});

describe('staticFiles without Express', () => {
  it('works on node:http, also for an absolute request target', async () => {
    const site = makeSite({ 'a.js': 'x' });
    const files = staticFiles(new URL(`file://${site.root}/`));
    const { url, port } = await serve((req, res) => files(req, res, () => res.writeHead(404).end()));
    expect((await get(`${url}/a.js`)).text).toBe('x');
    expect((await get(url, { port, path: 'http://site.test/a.js?x' })).text).toBe('x');
    expect((await get(`${url}/b.js`)).status).toBe(404);
  });
});

describe('staticFiles set-up', () => {
  const crowd = repetitions(100_000, 10_000);

  it(`touches no file at start, not even with ${crowd.toLocaleString('en')} of them`, () => {
    const site = makeSite();
    // names of ten files: a file system makes a link in a tenth of the time
    for (let i = 0; i < crowd; i++) {
      if (i % 10_000 === 0) site.write(`f${i}.js`, '');
      else fs.linkSync(site.at(`f${i - (i % 10_000)}.js`), site.at(`f${i}.js`));
    }
    const calls = watchFs();
    staticFiles(site.root, { fallback: 'index.html' });
    expect(calls).toEqual([]);
  });

  it('a request needs the same calls of fs in a directory of 2,000 files as in one with a single file', async () => {
    const many = Object.fromEntries(Array.from({ length: 2000 }, (_, i) => [`f${i}.js`, 'x']));
    const counts = [];
    for (const files of [{ 'f0.js': 'x' }, many]) {
      const { root } = makeSite(files);
      const middleware = staticFiles(root);
      const { url } = await serve((req, res) => middleware(req, res, () => res.end()));
      const calls = watchFs();
      for (const path of ['/f0.js', '/none.js', '/']) await get(url + path);
      jest.restoreAllMocks();
      expect(calls.filter((call) => /readdir|opendir/.test(call))).toEqual([]);
      counts.push(calls.length);
    }
    expect(counts[0]).toBe(counts[1]);
    expect(counts[0]).toBeGreaterThan(0);
  });

  it.each([
    [undefined, {}, /expected the path or file URL of a directory, got undefined/],
    ['', {}, /expected the path or file URL of a directory, got ''/],
    [new URL('http://a.test/'), {}, /expected the path or file URL/],
    ['x', { maxAge: 5 }, /Did you mean `maxAgeSeconds`/],
    ['x', { fallback: '../index.html' }, /a file below the root/],
    ['x', { fallback: 'a/' }, /a file below the root/],
    ['x', { index: true }, /`index`/],
    ['x', { precompressed: ['deflate'] }, /a list of 'br', 'zstd' and 'gzip'/],
    ['x', { immutable: 'assets' }, /`immutable`/],
    ['x', { revalidateMs: -1 }, /milliseconds/],
  ])('refuses %p with %p', (root, options, message) => {
    expect(() => staticFiles(root as string, options as StaticFilesOptions)).toThrow(message);
    expect(() => staticFiles(root as string, options as StaticFilesOptions)).toThrow(
      expect.objectContaining({ code: 'ERR_PRODUCTIONIZE_OPTION' }),
    );
  });
});
