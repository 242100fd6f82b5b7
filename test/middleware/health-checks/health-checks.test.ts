import http from 'node:http';
import type { Application, ErrorRequestHandler, Request, Response } from 'express';
import session from 'express-session';
import { createServer, healthChecks, productionize, report } from '../../../src/index.js';
import { createLifecycle } from '../../../src/support/lifecycle.js';
import { attachLifecycle } from '../../../src/support/server-lifecycle.js';
import { Connection } from '../../helpers/connection.js';
import { deferred } from '../../helpers/deferred.js';
import { expressVersions } from '../../helpers/express-versions.js';
import { memoryLog, quiet } from '../../helpers/memory-log.js';
import { closeAll, get, serve } from '../../helpers/serve.js';

const opened = new Set<{ close(): void }>();

afterEach(async () => {
  for (const one of opened) one.close();
  opened.clear();
  await closeAll();
});

/** Warnings of the process while a test runs. */
function warnings(): string[] {
  const seen: string[] = [];
  const emit = jest
    .spyOn(process, 'emitWarning')
    .mockImplementation((message) => void seen.push(String(message)));
  opened.add({ close: () => emit.mockRestore() });
  return seen;
}

/** `performance.now()` stands still until the test moves it: a slow machine does not age results. Whole numbers add up. */
function stoppedClock(): { now: number } {
  const clock = { now: Math.round(performance.now()) };
  const spy = jest.spyOn(performance, 'now').mockImplementation(() => clock.now);
  opened.add({ close: () => spy.mockRestore() });
  return clock;
}

const json = (text: string) => JSON.parse(text);

describe.each(expressVersions)('healthChecks on %s', (_name, express) => {
  /** An app with the middleware alone, and one inside productionize. */
  const ways = {
    alone(options: Parameters<typeof healthChecks>[0]) {
      const middleware = healthChecks(options);
      opened.add(middleware);
      const app = express();
      app.use(middleware);
      return app;
    },
    productionize: (options: Parameters<typeof healthChecks>[0]) =>
      productionize(express(), { ...quiet(), healthChecks: options ?? true }),
  };
  const names = Object.keys(ways) as (keyof typeof ways)[];

  /** The app's server listens, so the app has started. */
  async function ready(app: Application) {
    const served = await serve(app);
    await get(`${served.url}/any`);
    return served;
  }

  it.each(names)('ready is 503 while the database is down, live stays 200 (%s)', async (way) => {
    let down = true;
    const database = async () => {
      if (down) throw new Error('connection refused');
    };
    const { url } = await ready(ways[way]({ checks: { database }, cacheMs: 0 }));
    expect(await get(`${url}/readyz`)).toMatchObject({ status: 503 });
    expect((await get(`${url}/startupz`)).status).toBe(503);
    expect((await get(`${url}/livez`)).status).toBe(200);
    down = false;
    expect((await get(`${url}/readyz`)).status).toBe(200);
    expect((await get(`${url}/startupz`)).status).toBe(200);
    down = true;
    expect(json((await get(`${url}/readyz`)).text)).toMatchObject({
      status: 'failing',
      checks: { database: { ok: false, problem: 'connection refused' } },
    });
    // it was ready once
    expect((await get(`${url}/startupz`)).status).toBe(200);
  });

  it.each(names)(
    'a check that hangs is named within its limit, and runs once at a time (%s)',
    async (way) => {
      const hang = deferred();
      const signals: AbortSignal[] = [];
      const queue = (signal: AbortSignal) => {
        signals.push(signal);
        return hang.promise;
      };
      const { url } = await ready(
        ways[way]({ checks: { queue: { check: queue, timeoutMs: 50 }, fine: () => true }, cacheMs: 0 }),
      );
      const probes = await Promise.all(Array.from({ length: 20 }, () => get(`${url}/readyz`)));
      for (const { status, text } of probes) {
        expect(status).toBe(503);
        expect(json(text).checks.queue).toMatchObject({ ok: false, problem: 'no result within 50 ms' });
        expect(json(text).checks.fine.ok).toBe(true);
      }
      expect((await get(`${url}/readyz`)).status).toBe(503);
      expect(signals).toHaveLength(1);
      expect(signals[0]?.aborted).toBe(true);
      hang.resolve();
      await hang.promise;
      await new Promise(setImmediate);
      expect((await get(`${url}/readyz`)).status).toBe(200);
      expect(signals).toHaveLength(2);
    },
  );

  it.each(names)('100 probes reach a dependency once in a second (%s)', async (way) => {
    let asked = 0;
    const database = () => {
      asked += 1;
    };
    const clock = stoppedClock();
    const { url } = await ready(ways[way]({ checks: { database } }));
    for (let i = 0; i < 5; i++) {
      await Promise.all(Array.from({ length: 20 }, () => get(`${url}/readyz`)));
    }
    expect(asked).toBe(1);
    clock.now += 1000;
    await get(`${url}/readyz`);
    await get(`${url}/readyz`);
    expect(asked).toBe(2);
  });

  it('probes bypass auth, rate limits, redirects, sessions, parsers and the log, in any order', async () => {
    const log = memoryLog();
    const passed: string[] = [];
    const app = express();
    app.use(session({ secret: 'secret', resave: false, saveUninitialized: true }));
    app.use(express.json());
    app.use((req: Request, res: Response) => {
      passed.push(req.url);
      res.redirect(301, `https://app.test${req.url}`);
    });
    productionize(app, log.options);
    const { url } = await serve(app);
    await get(`${url}/any`);
    for (const path of ['/livez', '/readyz', '/startupz', '/readyz?verbose=1']) {
      const answer = await get(url + path);
      expect(answer).toMatchObject({ status: 200, headers: { 'cache-control': 'no-store' } });
      expect(answer.headers['set-cookie']).toBeUndefined();
      const head = await get(url + path, { method: 'HEAD' });
      expect(head).toMatchObject({ status: 200, text: '' });
      expect(Math.abs(Number(head.headers['content-length']) - answer.body.length)).toBeLessThan(8);
    }
    const bad = { 'content-type': 'application/json' };
    expect((await get(`${url}/livez`, { headers: bad, body: '{"a":' })).status).toBe(200);
    for (const method of ['POST', 'PUT', 'DELETE', 'OPTIONS']) {
      expect((await get(`${url}/livez`, { method })).status).toBe(301);
    }
    for (const path of ['/livez/', '/livezz', '/LIVEZ', '//livez']) {
      expect((await get(url + path)).status).toBe(301);
    }
    await log.line(({ url: logged }) => logged === '//livez');
    expect(log.lines.filter(({ url: logged, method }) => logged === '/livez' && method === 'GET')).toEqual(
      [],
    );
    expect(passed[0]).toBe('/any');
  });

  it.each(names)('responds with 503 whatever a check throws (%s)', async (way) => {
    const { proxy, revoke } = Proxy.revocable({}, {});
    revoke();
    const noStack = new Error('x');
    Error.captureStackTrace(noStack);
    const unreadable = Object.defineProperty(noStack, 'message', {
      get() {
        throw new Error('a getter');
      },
    });
    for (const thrown of [undefined, proxy, unreadable, Object.assign(new Error('x'), { message: 10n })]) {
      const checks = { database: () => Promise.reject(thrown) };
      const { url } = await ready(ways[way]({ checks }));
      const { status, text } = await get(`${url}/readyz`);
      expect([status, json(text).checks.database]).toMatchObject([503, { problem: expect.any(String) }]);
    }
  });

  it.each(names)('responds though onChange throws or rejects, and warns of it (%s)', async (way) => {
    const seen = warnings();
    const throwing = (): void => {
      throw new Error('no metrics');
    };
    for (const onChange of [throwing, async () => throwing()]) {
      const { url } = await ready(ways[way]({ checks: { database: () => false }, onChange }));
      expect((await get(`${url}/readyz`)).status).toBe(503);
    }
    const failed = expect.stringMatching(/onChange failed: Error: no metrics/);
    expect(seen.filter((text) => text.includes('onChange'))).toEqual([failed, failed]);
  });

  it.each(names)('clients outside the private network receive the status only (%s)', async (way) => {
    const checks = { database: () => Promise.reject(new Error('password of db.internal refused')) };
    const open = async (options: object) => (await ready(ways[way]({ checks, ...options }))).url;
    const text = async (url: string, headers = {}) => (await get(`${url}/readyz`, { headers })).text;
    const byDefault = await open({});
    expect(await text(byDefault)).toContain('db.internal');
    for (const name of ['x-forwarded-for', 'forwarded', 'via', 'x-real-ip']) {
      expect(await text(byDefault, { [name]: '10.0.0.1' })).toBe('{"status":"failing"}');
    }
    expect(await text(await open({ details: false }))).toBe('{"status":"failing"}');
    expect(await text(await open({ details: true }), { via: '1.1 a' })).toContain('db.internal');
    const token = (req: http.IncomingMessage) => req.headers.authorization === 'Bearer ours';
    const guarded = await open({ details: token });
    expect(await text(guarded)).toBe('{"status":"failing"}');
    expect(await text(guarded, { authorization: 'Bearer ours' })).toContain('db.internal');
    const throwing = () => {
      throw new Error('oops');
    };
    expect(await text(await open({ details: throwing }))).toBe('{"status":"failing"}');
  });

  it('a client of another network receives the status only, except on the admin port', async () => {
    const checks = { database: () => false };
    const app = ways.alone({ checks });
    const { port, server } = await ready(app);
    server.prependListener('request', (req) => {
      Object.defineProperty(req.socket, 'remoteAddress', {
        value: req.headers['x-from'],
        configurable: true,
      });
    });
    const from = async (address: string, at = port) =>
      (await get(`http://127.0.0.1:${at}/readyz`, { headers: { 'x-from': address } })).text.includes(
        'checks',
      );
    const near = ['127.0.0.1', '10.1.2.3', '172.31.0.1', '192.168.1.1', '::1', '::ffff:10.0.0.1', 'fd00::1'];
    for (const address of near) expect([address, await from(address)]).toEqual([address, true]);
    const far = ['8.8.8.8', '172.32.0.1', '2001:db8::1', '::ffff:8.8.8.8', '11.0.0.1'];
    for (const address of far) expect([address, await from(address)]).toEqual([address, false]);
    const admin = http.createServer((req, res) => (guarded as unknown as http.RequestListener)(req, res));
    await new Promise<void>((resolve) => admin.listen(0, '127.0.0.1', resolve));
    opened.add({ close: () => void admin.close() });
    const adminPort = (admin.address() as { port: number }).port;
    const guarded = ways.alone({ checks, details: false, adminPort });
    expect(await from('8.8.8.8', adminPort)).toBe(true);
  });

  it('with load shedding, live is never 503, and ready only after it has lasted', async () => {
    const app = ways.alone({ sheddingMs: 5000 });
    const { url, server } = await ready(app);
    const clock = stoppedClock();
    const lifecycle = createLifecycle();
    lifecycle.state = 'ready';
    lifecycle.shedding.since = clock.now - 4999;
    attachLifecycle(server, lifecycle);
    expect((await get(`${url}/readyz`)).status).toBe(200);
    clock.now += 1;
    expect(await get(`${url}/readyz`)).toMatchObject({
      status: 503,
      text: expect.stringContaining('overloaded'),
    });
    expect((await get(`${url}/livez`)).status).toBe(200);
    lifecycle.shedding.since = undefined;
    expect((await get(`${url}/readyz`)).status).toBe(200);
  });

  const routes: [string, (app: Application, path: string) => void][] = [
    ['a route', (app, path) => app.get(path, (_req: Request, res: Response) => void res.send('own'))],
    ['a list', (app, path) => app.get(['/x', path], (_req: Request, res: Response) => void res.send('own'))],
    [
      'a mounted function',
      (app, path) => app.use(path, (_req: Request, res: Response) => void res.send('own')),
    ],
    [
      'a nested router',
      (app, path) => {
        const [inner, outer] = [express.Router(), express.Router()];
        inner.get(path, (_req, res) => void res.send('own'));
        outer.use(inner);
        app.use('/', outer);
      },
    ],
    [
      'a router below the path',
      (app, path) => {
        const router = express.Router();
        router.all('/', (_req, res) => void res.send('own'));
        app.use(path, router);
      },
    ],
  ];

  it.each(routes)(
    '%s of the app takes precedence over a default path, and the start reports it',
    async (kind, add) => {
      const seen = warnings();
      const app = productionize(express(), quiet());
      const path = '/readyz';
      add(app, path);
      const { url } = await serve(app);
      expect((await get(`${url}/any`)).status).toBe(404);
      expect([kind, (await get(url + path)).text]).toEqual([kind, 'own']);
      expect((await get(`${url}/livez`)).status).toBe(200);
      expect(String(report(app))).toMatch(/healthChecks .*\/readyz/);
      expect(seen.every((text) => /The app has its own route for \/readyz/.test(text))).toBe(true);
    },
  );

  it.each(routes)(
    'a path given by name takes precedence over %s, and the start reports it',
    async (kind, add) => {
      const seen = warnings();
      const path = `/up-${kind.replaceAll(' ', '-')}-${_name.replace(' ', '')}`;
      const app = productionize(express(), { ...quiet(), healthChecks: { livePath: path } });
      add(app, path);
      const { url } = await serve(app);
      await get(`${url}/any`);
      expect(json((await get(url + path)).text)).toMatchObject({ status: 'ok' });
      expect(seen).toEqual([expect.stringContaining(`The app has a route for ${path}`)]);
      expect(seen[0]).toContain('err_productionize_health_path');
    },
  );

  it('responds for an app whose patterns catch everything, or which has none of these routes', async () => {
    const app = productionize(express(), quiet());
    app.get('/:page', (_req: Request, res: Response) => void res.send('page'));
    app.use((_req: Request, res: Response) => void res.send('index.html'));
    app.use(((_err, _req, res, _next) => void res.send('error')) as ErrorRequestHandler);
    const { url } = await serve(app);
    expect((await get(`${url}/home`)).text).toBe('page');
    expect(json((await get(`${url}/livez`)).text)).toMatchObject({ status: 'ok' });
  });

  it('finds healthChecks that the app mounts itself, and leaves them in place', async () => {
    const app = productionize(express(), quiet());
    const own = healthChecks({ checks: { own: () => false } });
    opened.add(own);
    app.use(own);
    const { url } = await serve(app);
    await get(`${url}/any`);
    expect(json((await get(`${url}/readyz`)).text)).toMatchObject({ checks: { own: { ok: false } } });
    expect(String(report(app))).toContain('found healthChecks(), left in place');
  });

  it('removes the paths when switched off', async () => {
    const app = productionize(express(), { ...quiet(), healthChecks: false });
    const { url } = await serve(app);
    for (const path of ['/livez', '/readyz', '/startupz']) expect((await get(url + path)).status).toBe(404);
  });

  it('logs when readiness changes, and not each probe', async () => {
    const log = memoryLog();
    let well = true;
    const app = productionize(express(), {
      ...log.options,
      healthChecks: { checks: { database: () => well }, cacheMs: 0 },
    });
    const { url } = await ready(app);
    const probe = async () => (await get(`${url}/readyz`)).status;
    expect([await probe(), await probe()]).toEqual([200, 200]);
    well = false;
    expect([await probe(), await probe()]).toEqual([503, 503]);
    well = true;
    expect([await probe(), await probe()]).toEqual([200, 200]);
    const messages = log.lines.filter(({ url: logged }) => logged === undefined).map(({ msg }) => msg);
    expect(messages).toEqual(['not ready: database', 'ready again: all checks passed']);
  });

  it('reports degraded with 200 while the event loop is late', async () => {
    const app = productionize(express(), quiet());
    const server = createServer(app);
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    opened.add({ close: () => void server.close() });
    const connection = await Connection.open((server.address() as { port: number }).port);
    await connection.request('/livez');
    expect(await connection.answer()).toContain('"status":"ok"');
    await connection.request('/livez');
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 600);
    expect(await connection.answer()).toMatch(/^HTTP\/1.1 200.*"status":"degraded"/s);
    connection.destroy();
  });

  it('checks its options', () => {
    const make = (options: object) => () => healthChecks(options);
    expect(make({ livePath: 'livez' })).toThrow(
      /expected `livePath` to be a path such as '\/livez' or one of false/,
    );
    expect(make({ checks: { db: 1 } })).toThrow(/healthChecks.checks.db: expected an options object, got 1/);
    expect(make({ checks: { db: {} } })).toThrow(/an object of functions; `db` is none/);
    expect(make({ livenessThread: {} })).toThrow(/options with a `port`/);
    expect(make({ path: '/x' })).toThrow(/unknown option 'path'/);
  });
});
