import type http from 'node:http';
import path from 'node:path';
import type { Application } from 'express';
import { metrics, type ProductionizeOptions, productionize, report, restoreApp } from '../../../src/index.js';
import { ownFamilies } from '../../../src/middleware/metrics/collect.js';
import { expose } from '../../../src/support/metrics/exposition.js';
import { workerTasks } from '../../../src/support/worker-tasks.js';
import { expressVersions } from '../../helpers/express-versions.js';
import { installed } from '../../helpers/installed.js';
import { quiet } from '../../helpers/memory-log.js';
import { seriesIn } from '../../helpers/scraped.js';
import { closeAll, get, raw, serve } from '../../helpers/serve.js';

const apps: Application[] = [];

afterEach(async () => {
  await closeAll();
  for (const app of apps.splice(0)) restoreApp(app);
});

const namesIn = (text: string) =>
  [...text.matchAll(/^# TYPE (\S+) (\S+)$/gm)].map(([, name, type]) => `${name} ${type}`);

describe.each(expressVersions)('the metrics of an app on %s', (_name, express) => {
  const arrange = (options: ProductionizeOptions = {}) => {
    const app = productionize(express(), { ...quiet(), ...options });
    apps.push(app);
    return app;
  };
  const withPath = (options: object = {}) => {
    const app = arrange({ metrics: { path: '/metrics', ...options } });
    app.use((_req, res) => void res.status(404).send('of the app'));
    return app;
  };
  const addressOf = (app: ReturnType<typeof express>) =>
    report(app)?.parts.find(({ name }) => name === 'metrics')?.facts;

  it('opens no port and measures nothing unless it is switched on', async () => {
    const app = arrange();
    const { url } = await serve(app);
    await get(url);
    expect(report(app)?.parts.find(({ name }) => name === 'metrics')).toMatchObject({ state: 'off' });
    expect(workerTasks.has('metrics')).toBe(false);
  });

  it('serves them on a port, until the servers of the app have closed', async () => {
    const app = arrange({ metrics: { port: 0 } });
    const { url, close } = await serve(app);
    await get(url);
    while (!String(addressOf(app)?.address).startsWith('http:')) await new Promise(setImmediate);
    const address = String(addressOf(app)?.address);
    expect(address).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/metrics$/);
    expect((await get(address)).text).toContain('\nhttp_server_request_duration_seconds_bucket{');
    await close();
    await expect(get(address)).rejects.toMatchObject({ code: 'ECONNREFUSED' });
  });

  it('closes the port and removes the task of the worker when the app is restored', async () => {
    const app = arrange({ metrics: { port: 0 } });
    const { url } = await serve(app);
    await get(url);
    while (!String(addressOf(app)?.address).startsWith('http:')) await new Promise(setImmediate);
    const address = String(addressOf(app)?.address);
    expect(workerTasks.get('metrics')?.(undefined)).toEqual(expect.any(Array));
    restoreApp(app);
    await expect(get(address)).rejects.toMatchObject({ code: 'ECONNREFUSED' });
    expect(workerTasks.has('metrics')).toBe(false);
  });

  it('serves them on a path of the app to direct clients on this machine only', async () => {
    const { url, port } = await serve(withPath());
    expect((await get(`${url}/metrics`)).text).toContain('# TYPE process_cpu_seconds_total counter');
    expect(await get(`${url}/metrics?x`, { method: 'HEAD' })).toMatchObject({ status: 200, text: '' });
    for (const name of ['X-Forwarded-For', 'Forwarded', 'X-Real-IP', 'Via']) {
      const answer = await get(`${url}/metrics`, { headers: { [name]: 'for=1.2.3.4' } });
      expect(answer).toMatchObject({ status: 404, text: 'of the app' });
    }
    // nginx passes requests on without a header in this version, unless it is configured
    expect(await raw(port, 'GET /metrics HTTP/1.0\r\n\r\n')).toMatch(/ 404 .*of the app$/s);
    for (const method of ['POST', 'PUT', 'DELETE']) {
      expect(await get(`${url}/metrics`, { method })).toMatchObject({ status: 404, text: 'of the app' });
    }
    for (const other of ['/metrics/', '/metricsx', '/Metrics', '//metrics']) {
      expect((await get(url + other)).status).toBe(404);
    }
  });

  it('serves them to those that a function selects, and to none where it fails', async () => {
    const clients = ({ headers }: http.IncomingMessage) => {
      if (headers.fails) throw new Error('on purpose');
      return headers.authorization === 'Bearer t';
    };
    const { url } = await serve(withPath({ clients }));
    expect((await get(`${url}/metrics`)).status).toBe(404);
    expect((await get(`${url}/metrics`, { headers: { fails: '1', authorization: 'Bearer t' } })).status).toBe(
      404,
    );
    expect((await get(`${url}/metrics`, { headers: { authorization: 'Bearer t' } })).status).toBe(200);
  });

  it('refuses the factory without its parentheses', async () => {
    const app = express();
    app.use(metrics as never);
    app.use((error: Error, _req: unknown, res: { send(text: string): void }, _next: unknown) =>
      res.send(error.message),
    );
    const { url } = await serve(app);
    expect((await get(url)).text).toContain('write app.use(metrics()), with parentheses');
  });
});

it.each([
  [{ port: 70_000 }, /`port` to be a whole number of ports/],
  [{ host: '' }, /`host`/],
  [{ path: 'metrics' }, /`path` to be a path/],
  [{ clients: 'all' }, /`clients`/],
  [{ adress: 1 }, /unknown option/],
])('refuses the options %j', (options, message) => {
  expect(() => metrics(options as never)).toThrow(message);
});

it('has the names, types and labels of all default metrics of prom-client', async () => {
  const folder = installed('prom-client', '15.1.3');
  const { register, collectDefaultMetrics } = jest.requireActual(
    path.join(folder, 'node_modules/prom-client'),
  );
  collectDefaultMetrics();
  const theirs: string = await register.metrics();
  const middleware = metrics({ port: false });
  const garbage = Array.from({ length: 1e5 }, () => ({}));
  expect(garbage).toHaveLength(1e5);
  const ours = expose(ownFamilies(), undefined).body;
  middleware.close();
  register.clear();
  expect(namesIn(ours)).toEqual(expect.arrayContaining(namesIn(theirs)));
  const helpOf = (text: string) => text.match(/^# HELP (process|nodejs)_.*$/gm);
  expect(helpOf(ours)).toEqual(expect.arrayContaining(helpOf(theirs) ?? []));
  const shape = (text: string) =>
    new Set([...seriesIn(text).keys()].map((name) => name.replace(/="[^"]*"/g, '')));
  expect([...shape(ours)]).toEqual(
    expect.arrayContaining([...shape(theirs)].filter((name) => !name.includes('gc_'))),
  );
});
