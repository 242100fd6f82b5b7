import { responseCache } from '../../../src/index.js';
import { cachedApps, cacheStatus, clock, counted } from '../../helpers/cached.js';
import { deferred } from '../../helpers/deferred.js';
import { expressVersions } from '../../helpers/express-versions.js';
import { closeAll, get, serve } from '../../helpers/serve.js';

const stale = 'public, max-age=10, stale-while-revalidate=600';

let time: ReturnType<typeof clock>;

beforeEach(() => {
  time = clock();
});

afterEach(async () => {
  time.stop();
  await closeAll();
});

/** Asks until the answer is another one than it was. */
async function refreshed(url: string, before: string): Promise<string> {
  for (;;) {
    const { text } = await get(url);
    if (text !== before) return text;
  }
}

describe.each(cachedApps)('refreshing behind a stale response, %s', (_name, make) => {
  it.each([
    ['X-Forwarded-Host', '/?page=1', { 'x-forwarded-host': 'evil.example' }],
    ['X-Original-URL', '/?page=1', { 'x-original-url': '/evil' }],
    ['a query that is no part of the key', '/?page=1&evil=1', {}],
  ])('does not use %s of a client for the response to all clients', async (_what, path, headers) => {
    const { app } = make({ query: ['page'] });
    const handler = counted((req, res, call) => {
      const said = JSON.stringify([
        req.originalUrl,
        req.headers['x-forwarded-host'],
        req.headers['x-original-url'],
      ]);
      res.set('Cache-Control', stale).send(`${call} ${said}`);
    });
    app.get('/', handler);
    const { url } = await serve(app);
    const { text } = await get(`${url}/?page=1`);
    time.pass(20);
    for (const method of ['GET', 'HEAD']) {
      expect(cacheStatus(await get(url + path, { headers, method }))).toMatch(/^hit/);
    }
    expect(handler.calls).toBe(1);
    const next = await refreshed(`${url}/?page=1`, text);
    expect(next).toMatch(/^2 /);
    expect(next).not.toMatch(/evil/);
  });
});

describe.each(expressVersions)('where a refresh never ends, %s', (_name, express) => {
  it('a refused refresh does not prevent later ones', async () => {
    const app = express();
    let turnsAway = false;
    const turned = deferred();
    app.use((req, res, next) => {
      // a refresh comes over no connection of a server
      if (!turnsAway || 'server' in req.socket) next();
      else {
        turnsAway = false;
        res.status(503).end();
        turned.resolve();
      }
    });
    const handler = counted((_req, res, call) => res.set('Cache-Control', stale).send(`call ${call}`));
    app.get('/', responseCache() as never, handler);
    const { url } = await serve(app);
    await get(url);
    time.pass(20);
    expect(await refreshed(url, 'call 1')).toBe('call 2');
    time.pass(20);
    turnsAway = true;
    expect((await get(url)).text).toBe('call 2');
    await turned.promise;
    expect((await get(url)).text).toBe('call 2');
    expect(await refreshed(url, 'call 2')).toBe('call 3');
  });

  it('an app that a handler calls directly does not receive the responses of other routes', async () => {
    const inner = express();
    inner.use(responseCache() as never);
    const handler = counted((_req, res, call) => res.set('Cache-Control', stale).send(`data ${call}`));
    inner.get('/data', handler);
    inner.use((_req, res) => void res.set('Cache-Control', 'max-age=300').send('page'));
    const outer = express();
    outer.use('/v1', (req, res, next) => inner(req, res, next));
    const { url } = await serve(outer);
    expect((await get(`${url}/v1/data`)).text).toBe('data 1');
    time.pass(20);
    for (let n = 0; n < 5; n++) expect((await get(`${url}/v1/data`)).text).toMatch(/^data/);
    time.pass(1000);
    expect((await get(`${url}/v1/data`)).text).toMatch(/^data/);
  });
});
