import { EventEmitter, once } from 'node:events';
import fs from 'node:fs';
import { productionize, type ResponseCacheOptions } from '../../../src/index.js';
import { expressVersions } from '../../helpers/express-versions.js';
import { quiet } from '../../helpers/memory-log.js';
import { closeAll, get, serve } from '../../helpers/serve.js';

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
  ])('the first member of Age %j counts', async (age, isStored) => {
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
    app.get('/', (_req, res) => void res.sendFile(__filename, { maxAge }));
    productionize(app, { ...quiet, cache: true });
    const { url } = await serve(app);
    const since = fs.statSync(__filename).mtime.toUTCString();
    const response = await get(url, { headers: { 'if-modified-since': since } });
    expect([response.status, response.text]).toEqual([304, '']);
  });
});
