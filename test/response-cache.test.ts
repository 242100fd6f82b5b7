import type { RequestHandler } from 'express';
import { productionize, responseCache } from '../src/index.js';
import { expressVersions } from './helpers/express-versions.js';
import { memoryLog, quiet } from './helpers/memory-log.js';
import { closeAll, get, serve } from './helpers/serve.js';

afterEach(closeAll);

const minute = 'public, max-age=60';

/** A handler that counts its calls and says their number. */
function counted(cacheControl: string | undefined = minute, answer?: RequestHandler) {
  let calls = 0;
  const handler: RequestHandler = (req, res, next) => {
    calls += 1;
    if (cacheControl) res.set('Cache-Control', cacheControl);
    if (answer) answer(req, res, next);
    else res.json({ calls });
  };
  return Object.assign(handler, { calls: () => calls });
}

describe.each(expressVersions)('responseCache on %s', (_name, express) => {
  it('answers before the router, with a line in the log that names the route', async () => {
    const log = memoryLog();
    const app = productionize(express(), { ...log.options, cache: true });
    const handler = counted();
    app.get('/items/:id', handler);
    const { url } = await serve(app);
    const first = await get(`${url}/items/7`);
    const second = await get(`${url}/items/7`);
    expect(first.headers['cache-status']).toBe('express-productionize; fwd=uri-miss; stored');
    expect(second.headers['cache-status']).toBe('express-productionize; hit; ttl=60');
    expect([first.text, second.text, handler.calls()]).toEqual(['{"calls":1}', '{"calls":1}', 1]);
    await log.line(({ status }) => status === 200);
    expect(log.lines.filter(({ route }) => route === '/items/:id')).toHaveLength(2);
  });

  it('works alone as a route middleware', async () => {
    const app = express();
    const handler = counted('');
    app.get('/x', responseCache({ ttlSeconds: 60 }), handler);
    const { url } = await serve(app);
    await get(`${url}/x`);
    const second = await get(`${url}/x`);
    expect([second.text, handler.calls()]).toEqual(['{"calls":1}', 1]);
  });

  it('E78 1,000 concurrent requests for a cold key: one call of the handler', async () => {
    const app = productionize(express(), { ...quiet(), cache: true });
    let calls = 0;
    app.get('/', (_req, res) => {
      calls += 1;
      setImmediate(() => res.set('Cache-Control', minute).send('slow'));
    });
    const { url } = await serve(app);
    const answers = await Promise.all(Array.from({ length: 1000 }, () => get(url)));
    expect(answers.every(({ status, text }) => status === 200 && text === 'slow')).toBe(true);
    expect(calls).toBe(1);
  });
});
