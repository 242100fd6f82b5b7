import { EventEmitter, once } from 'node:events';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { pipeline } from 'node:stream';
import type { RequestHandler, Response } from 'express';
import {
  type CacheStore,
  productionize,
  type ResponseCacheOptions,
  responseCache,
} from '../../../src/index.js';
import type { CacheEntry } from '../../../src/middleware/response-cache/cache-store.js';
import { expressVersions } from '../../helpers/express-versions.js';
import { quiet } from '../../helpers/memory-log.js';
import { closeAll, get, serve } from '../../helpers/serve.js';

type Done = (error?: Error | null) => void;

// it comes without types
const session = jest.requireActual<(options: object) => RequestHandler>('express-session');

afterEach(async () => {
  jest.restoreAllMocks();
  await closeAll();
});

describe.each(expressVersions)('the response cache on %s', (_name, express) => {
  async function serveWith(headers: Record<string, string | string[]>, cache: ResponseCacheOptions | true) {
    const app = express();
    let calls = 0;
    app.get('/', (_req, res) => {
      for (const [name, value] of Object.entries(headers)) res.setHeader(name, value);
      res.send(`call ${++calls}`);
    });
    productionize(app, { ...quiet, cache });
    return (await serve(app)).url;
  }

  it.each([
    ['7200, 0', false],
    ['7200 , 0', false],
    [['7200', '0'], false],
    ['10, 7200', true],
  ])('the first member of Age %j is used', async (age, isStored) => {
    const url = await serveWith({ 'Cache-Control': 'max-age=3600', Age: age as string }, true);
    await get(url);
    expect((await get(url)).text).toBe(isStored ? 'call 1' : 'call 2');
  });

  it.each([
    [49, true],
    [1, true],
    [-1, false],
    [-45, false],
  ])(
    'a year of two digits in Expires, %d years from now, is read by RFC 9110 section 5.6.7',
    async (years, isStored) => {
      const date = new Date(Date.UTC(new Date().getUTCFullYear() + years, 7, 18));
      const [, day, month, year] = /, (\d\d) (\w{3}) \d\d(\d\d)/.exec(date.toUTCString()) as string[];
      const weekday = date.toLocaleDateString('en', { weekday: 'long', timeZone: 'UTC' });
      const url = await serveWith({ Expires: `${weekday}, ${day}-${month}-${year} 02:01:18 GMT` }, true);
      await get(url);
      expect((await get(url)).text).toBe(isStored ? 'call 1' : 'call 2');
    },
  );

  it.each([
    ['max-age=1', 'max-stale=10', true],
    ['max-age=1', 'max-stale', true],
    ['max-age=1', 'max-stale=3', false],
    ['max-age=1', undefined, false],
    ['max-age=1, must-revalidate', 'max-stale', false],
    ['s-maxage=1', 'max-stale', false],
  ])('a response with %s and a request with %s', async (response, request, isServed) => {
    const url = await serveWith({ 'Cache-Control': response }, { requestDirectives: true });
    await get(url);
    const now = Date.now();
    jest.spyOn(Date, 'now').mockReturnValue(now + 5000);
    const headers: Record<string, string> = request === undefined ? {} : { 'cache-control': request };
    expect((await get(url, { headers })).text).toBe(isServed ? 'call 1' : 'call 2');
  });

  it.each(['no-cache', 'min-fresh=2000'])(
    '%s does not use the response of a request in progress',
    async (value) => {
      const app = express();
      const events = new EventEmitter();
      let calls = 0;
      app.get('/', async (_req, res) => {
        const call = ++calls;
        if (call === 1) {
          events.emit('called');
          await once(events, 'go');
        }
        res.set('Cache-Control', 'max-age=60').send(`call ${call}`);
      });
      productionize(app, { ...quiet, cache: { requestDirectives: true } });
      const { url } = await serve(app);
      const called = once(events, 'called');
      const first = get(url);
      await called;
      const second = get(url, { headers: { 'cache-control': value } });
      if (value === 'no-cache') expect((await second).text).toBe('call 2');
      events.emit('go');
      expect((await first).text).toBe('call 1');
      expect((await second).text).toBe('call 2');
    },
  );

  it.each([0, 60_000])('the first conditional request for a file of maxAge %d is a 304', async (maxAge) => {
    const app = express();
    const sent = new Promise<Error | undefined>((resolve) => {
      app.get('/', (_req, res) => void res.sendFile(__filename, { maxAge }, resolve));
    });
    productionize(app, { ...quiet, cache: true });
    const { url } = await serve(app);
    const since = fs.statSync(__filename).mtime.toUTCString();
    const response = await get(url, { headers: { 'if-modified-since': since, connection: 'close' } });
    expect([response.status, response.text]).toEqual([304, '']);
    expect(await sent).toBeUndefined();
  });

  it.each<[string, ResponseCacheOptions | true, (res: Response, file: string, done: Done) => void]>([
    ['sendFile', { maxEntryBytes: 1000 }, (res, file, done) => res.sendFile(file, done)],
    ['sendFile', { maxEntryBytes: 1000 }, (res, file, done) => res.sendFile(file, { maxAge: 60_000 }, done)],
    ['download', true, (res, file, done) => res.download(file, done)],
    [
      'pipeline',
      true,
      (res, file, done) => {
        res.setHeader('Last-Modified', fs.statSync(file).mtime.toUTCString());
        pipeline(fs.createReadStream(file), res, done as never);
      },
    ],
  ])(
    'the 304 of a file that is too large to store is no error for the callback of %s, with %j',
    async (_how, cache, send) => {
      const file = path.join(os.tmpdir(), `too-large-${process.pid}`);
      fs.writeFileSync(file, Buffer.alloc(16 * 1024 * 1024));
      const read = jest.spyOn(fs, 'read');
      const app = express();
      const sent = new Promise<Error | null | undefined>((resolve) => {
        app.get('/', (_req, res) => void send(res, file, resolve));
      });
      productionize(app, { ...quiet, cache });
      const { url } = await serve(app);
      const since = fs.statSync(file).mtime.toUTCString();
      const response = await get(url, { headers: { 'if-modified-since': since } });
      expect([response.status, response.text]).toEqual([304, '']);
      expect(await sent).toBeFalsy();
      expect(read.mock.calls.length).toBeLessThan(4);
      fs.rmSync(file);
    },
  );

  it('Accept-Encoding is normalized, so that each set of codings is one variant', async () => {
    const app = express();
    let calls = 0;
    app.get('/', (req, res) => {
      calls += 1;
      const coding = req.acceptsEncodings('br', 'gzip', 'identity') || 'identity';
      res.set({ 'Cache-Control': 'max-age=60', Vary: 'Accept-Encoding', 'Content-Encoding': coding });
      res.end(coding);
    });
    productionize(app, { ...quiet, cache: true });
    const { url } = await serve(app);
    const send = async (values: string[]) => {
      const before = calls;
      const texts = new Set<string>();
      for (const value of values) texts.add((await get(url, { headers: { 'accept-encoding': value } })).text);
      return [[...texts], calls - before];
    };
    expect(await send(['gzip', 'GZIP', 'x-gzip', ' gzip;q=1.0', 'br;q=0, gzip'])).toEqual([['gzip'], 1]);
    expect(await send(['gzip, deflate, br', 'br,gzip,deflate', 'deflate;q=1, br, gzip;q=1.000'])).toEqual([
      ['gzip'],
      1,
    ]);
    expect(await send(['gzip;q=1, br;q=0.5', 'br;q=0.5,gzip'])).toEqual([['gzip'], 1]);
    expect(await send(['identity', 'identity;q=1'])).toEqual([['identity'], 1]);
    expect(await send(['*', '*;q=1'])).toEqual([['br'], 1]);
    expect(await send(['*, br;q=0'])).toEqual([['gzip'], 1]);
  });

  it('a client that varies a header fills one URL with 100 variants at most', async () => {
    const app = express();
    app.get('/', (req, res) => {
      res.set({ 'Cache-Control': 'max-age=60', Vary: 'Accept-Language' });
      res.send(`in ${req.headers['accept-language']}`);
    });
    const items = new Map<string, CacheEntry>();
    const store: CacheStore = {
      get: (key) => items.get(key),
      set: (key, entry) => void items.set(key, entry),
      purge: (selection) => {
        if ('key' in selection) items.delete(selection.key);
        return { reach: 'process' };
      },
    };
    productionize(app, { ...quiet, cache: { store } });
    const { url } = await serve(app);
    const ask = async (language: number) =>
      (await get(url, { headers: { 'accept-language': `x-${language}` } })).headers['cache-status'];
    for (let language = 0; language < 150; language++) await ask(language);
    // the variants, and the entry that names the fields
    expect(items.size).toBe(101);
    expect(await ask(149)).toMatch(/hit/);
    expect(await ask(20)).toMatch(/fwd=vary-miss; stored/);
  });

  describe('Cache-Status has no `stored` where nothing is stored', () => {
    const long = 'x'.repeat(2000);
    const send: Record<string, [RequestHandler, ResponseCacheOptions?]> = {
      'a body above maxEntryBytes': [(_req, res) => void res.end(long), { maxEntryBytes: 1000 }],
      'a body above an eighth of maxBytes': [(_req, res) => void res.send(long), { maxBytes: 8000 }],
      'a wrong length': [(_req, res) => void res.set('Content-Length', '3').end('four')],
      'tags that cannot be read': [
        (_req, res) => void res.send('x'),
        {
          tags: () => {
            throw new Error('no tags');
          },
        },
      ],
      'too many tags': [
        (_req, res) => void res.set('Cache-Tag', `${'t,'.repeat(9)}${'u'.repeat(300)}`).send('x'),
      ],
    };

    it.each(Object.entries(send))('%s', async (_what, [handler, options]) => {
      const app = express();
      app.get('/', (req, res, next) => {
        res.set('Cache-Control', 'max-age=60');
        handler(req, res, next);
      });
      productionize(app, { ...quiet, cache: options ?? true });
      const { url } = await serve(app);
      for (let round = 0; round < 2; round++) {
        const { headers } = await get(url).catch(() => ({ headers: {} as Record<string, string> }));
        expect(String(headers['cache-status'])).not.toMatch(/stored|hit/);
      }
    });

    it('a purge while the handler runs', async () => {
      const cache = responseCache();
      const app = express();
      app.get('/', async (_req, res) => {
        await cache.purge({ key: '/' });
        res.set('Cache-Control', 'max-age=60').send('x');
      });
      productionize(app, { ...quiet, cache });
      const { url } = await serve(app);
      expect((await get(url)).headers['cache-status']).toBe('express-productionize; fwd=uri-miss');
    });

    it('a cookie that a session before the cache sets', async () => {
      const app = express();
      app.use(session({ secret: 's', resave: false, saveUninitialized: true }), responseCache());
      app.get('/', (_req, res) => void res.set('Cache-Control', 'max-age=60').send('x'));
      const { url } = await serve(app);
      for (let round = 0; round < 2; round++) {
        const { headers } = await get(url);
        expect(headers['set-cookie']).toBeDefined();
        expect(headers['cache-status']).toBe('express-productionize; fwd=uri-miss');
      }
    });

    it('while all other middleware of this package leaves `stored`', async () => {
      const app = express();
      app.get('/', (_req, res) => void res.set('Cache-Control', 'max-age=60').send('x'));
      app.get('/file', (_req, res) => void res.sendFile(__filename, { maxAge: 60_000 }));
      productionize(app, { ...quiet, cache: true, compression: true, deadline: true, loadShedding: true });
      const { url } = await serve(app);
      for (const path of ['/', '/file']) {
        expect((await get(url + path)).headers['cache-status']).toBe(
          'express-productionize; fwd=uri-miss; stored',
        );
      }
    });
  });
});
