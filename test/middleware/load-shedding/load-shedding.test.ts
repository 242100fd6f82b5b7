import { EventEmitter, once } from 'node:events';
import http from 'node:http';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { loadShedding, productionize, report, restoreApp } from '../../../src/index.js';
import { shedLoad } from '../../../src/middleware/load-shedding/index.js';
import { createLifecycle } from '../../../src/support/lifecycle.js';
import { expressVersions } from '../../helpers/express-versions.js';
import { memoryLog, quiet } from '../../helpers/memory-log.js';
import { overload, soon } from '../../helpers/overload.js';
import { loggerTo } from '../../helpers/part-logger.js';
import { closeAll, get, serve } from '../../helpers/serve.js';

afterEach(closeAll);

describe.each(expressVersions)('loadShedding on %s', (_name, express) => {
  it('admits everything while there is no load, and detaches without a trace', async () => {
    const app = express();
    const shedder = loadShedding();
    app.use(shedder);
    app.get('/', (_req, res) => void res.send('ok'));
    const { url } = await serve(app);
    expect((await get(url)).text).toBe('ok');
    expect(shedder.since).toBeUndefined();
    expect(shedder.refused).toEqual({ queue: 0, delay: 0, utilization: 0, priority: 0 });
    shedder.uninstall();
    expect((await get(url)).text).toBe('ok');
  });

  it('is off in productionize by default, and gives the reason', async () => {
    const of = (app: ReturnType<typeof express>) =>
      report(app)?.parts.find(({ name }) => name === 'loadShedding');
    expect(of(productionize(express(), quiet()))).toMatchObject({
      state: 'off',
      reason: expect.stringContaining('off by default'),
    });
    expect(of(productionize(express(), { ...quiet(), loadShedding: true }))).toMatchObject({ state: 'on' });
    const log = memoryLog();
    const app = productionize(express(), { ...log.options, loadShedding: {} });
    app.get('/', (_req, res) => void res.send('ok'));
    const { url } = await serve(app);
    expect((await get(url)).status).toBe(200);
    await log.line(({ status }) => status === 200);
  });
});

describe.each(expressVersions)('priorities on %s', (_name, express) => {
  it('are called with a request of Express, whatever server received it', async () => {
    const events = new EventEmitter();
    const seen = new Set<string>();
    const app = productionize(express(), {
      ...quiet(),
      loadShedding: {
        ...soon,
        priority: (req) => {
          seen.add(`${req.path} ${req.get('host')?.split(':')[0]}`);
          return req.path === '/low' ? 'low' : 'high';
        },
        logger: loggerTo(({ shedding }: { shedding: string }) => events.emit(shedding)),
      },
    });
    app.get('/:priority', (_req, res) => {
      const until = performance.now() + 5;
      while (performance.now() < until);
      res.send('done');
    });
    const { url } = await serve(app);
    const refused = once(events, 'refused');
    const low = overload(`${url}/low?of=two`, { clients: 50 });
    const high = overload(`${url}/high?of=two`, { clients: 1 });
    await refused;
    await Promise.all([low.stop(), high.stop()]);
    expect([...seen].sort()).toEqual(['/high 127.0.0.1', '/low 127.0.0.1']);
    expect(low.count(503)).toBeGreaterThan(0);
    expect(high.count(503)).toBe(0);
    restoreApp(app);
  });
});

describe('loadShedding', () => {
  it('refuses in the form of other errors', async () => {
    const events = new EventEmitter();
    const gate = shedLoad(createLifecycle(), {
      ...soon,
      logger: loggerTo(({ shedding }: { shedding: string }) => events.emit(shedding)),
    });
    const { url, server } = await serve((req, res) => {
      res.setHeader('X-Accel-Expires', '600');
      if (gate.refuses(req, res)) return;
      const until = performance.now() + 5;
      while (performance.now() < until);
      res.end('done');
    });
    gate.watch(server);
    const accepted = [
      ['text/html,*/*;q=0.8', 'text/html; charset=utf-8', /<pre>Service Unavailable/],
      ['application/json', 'application/problem+json', /"status":503/],
      ['text/plain', 'text/plain; charset=utf-8', /^Service Unavailable\n/],
    ] as const;
    const loads = accepted.map(([accept]) => overload(url, { clients: 20, headers: { accept } }));
    const refusals = () => loads.map((load) => load.answers.find(({ status }) => status === 503));
    while (refusals().includes(undefined)) await once(events, 'refused');
    await Promise.all(loads.map((load) => load.stop()));
    gate.uninstall();
    for (const [i, [, type, body]] of accepted.entries()) {
      const refusal = refusals()[i];
      expect(refusal).toMatchObject({
        cut: false,
        text: expect.stringMatching(body),
        headers: { 'content-type': type, 'cache-control': 'no-store', vary: 'Accept' },
      });
      expect(Number(refusal?.headers['retry-after'])).toBeGreaterThanOrEqual(2);
      expect(refusal?.headers).not.toHaveProperty('x-accel-expires');
    }
  });

  it('notifies the lifecycle when shedding begins and ends', async () => {
    const lifecycle = createLifecycle();
    const events = new EventEmitter();
    const before = performance.now();
    const gate = shedLoad(lifecycle, {
      ...soon,
      logger: loggerTo(({ shedding }: { shedding: string }) => events.emit(shedding)),
    });
    const { url, server } = await serve((req, res) => {
      if (gate.refuses(req, res)) return;
      const until = performance.now() + 5;
      while (performance.now() < until);
      res.end('done');
    });
    gate.watch(server);
    expect(lifecycle.shedding.since).toBeUndefined();
    const began = once(events, 'began');
    const load = overload(url);
    await began;
    expect(lifecycle.shedding.since).toBeGreaterThan(before);
    expect(lifecycle.shedding.since).toBeLessThanOrEqual(performance.now());
    await once(events, 'refused');
    await load.stop();
    while (lifecycle.shedding.since !== undefined) await once(events, 'ended');
    const { queue, delay, utilization, priority } = lifecycle.shedding.refused;
    expect(queue + delay + utilization + priority).toBe(load.count(503));
    gate.uninstall();
  });

  it('treats an invalid `priority` as normal, and continues when `logger` throws', async () => {
    const broken = () => {
      throw new Error('broken');
    };
    const events = new EventEmitter();
    const lifecycle = createLifecycle();
    const logger = loggerTo(({ shedding }: { shedding: string }) => {
      events.emit(shedding);
      throw new Error('broken');
    });
    const gate = shedLoad(lifecycle, { ...soon, priority: broken, logger });
    const { url, server } = await serve((req, res) => {
      if (gate.refuses(req, res)) return;
      const until = performance.now() + 5;
      while (performance.now() < until);
      res.end('done');
    });
    gate.watch(server);
    const refused = once(events, 'refused');
    const load = overload(url);
    await refused;
    await load.stop();
    expect(load.count(200) + load.count(503)).toBe(load.answers.length);
    gate.uninstall();
    expect(lifecycle.shedding.since).toBeUndefined();
  });

  it('uses delay and utilization on a Unix socket', async () => {
    const gate = shedLoad(createLifecycle(), soon);
    const socketPath = path.join(tmpdir(), `shedding-load-${process.pid}.sock`);
    const server = http.createServer((req, res) => {
      if (gate.refuses(req, res)) return;
      const until = performance.now() + 5;
      while (performance.now() < until);
      res.end('done');
    });
    server.listen(socketPath);
    await once(server, 'listening');
    gate.watch(server);
    let refused = false;
    const client = async () => {
      while (!refused) refused = (await get('http://localhost/', { socketPath })).status === 503;
    };
    await Promise.all(Array.from({ length: 60 }, client));
    gate.uninstall();
    server.closeAllConnections();
    server.close();
  });

  it.each([
    [{ maxWaitMs: 0 }, /maxWaitMs.*whole number of milliseconds/],
    [{ sustainedMs: '1s' }, /sustainedMs.*'1s'/],
    [{ retryAfterSeconds: 0 }, /retryAfterSeconds.*seconds/],
    [{ priority: 'low' }, /priority.*a function/],
    [{ exemptPaths: '/livez' }, /exemptPaths.*an array of strings/],
    [{ maxDelay: 10 }, /unknown option/],
  ])('throws at set-up for %j', (options, message) => {
    expect(() => loadShedding(options as never)).toThrow(message);
  });
});
