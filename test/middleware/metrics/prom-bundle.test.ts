import path from 'node:path';
import helmet from 'helmet';
import { productionize } from '../../../src/index.js';
import { ownFamilies } from '../../../src/middleware/metrics/collect.js';
import { expose } from '../../../src/support/metrics/exposition.js';
import { type ExpressFactory, expressVersions } from '../../helpers/express-versions.js';
import { installed } from '../../helpers/installed.js';
import { quiet } from '../../helpers/memory-log.js';
import { changesBetween } from '../../helpers/scraped.js';
import { closeAll, get, serve } from '../../helpers/serve.js';

const folder = installed('express-prom-bundle', '8.0.0', 'prom-client@15.1.3');
const load = (name: string) => jest.requireActual(path.join(folder, 'node_modules', name));

afterEach(closeAll);

/** An app with both, and the metrics of both. */
function arrange(express: ExpressFactory, ways: object) {
  const { Registry } = load('prom-client');
  const registry = new Registry();
  const app = productionize(express(), { ...quiet(), metrics: { port: 0 } });
  app.use(
    load('express-prom-bundle')({
      promRegistry: registry,
      autoregister: false,
      includeMethod: true,
      ...ways,
    }),
  );
  app.use(helmet(), express.json());
  const orders = express.Router({ mergeParams: true });
  orders.get('/:order', (req, res) => void res.json(req.params));
  orders.post('/', (_req, res) => void res.sendStatus(201));
  app.use('/shops/:shop/orders', orders);
  app.get('/moved', (_req, res) => res.redirect('/shops/1/orders/2'));
  app.get('/fails', () => {
    throw new Error('on purpose');
  });
  app.get('/rejects', (_req, _res, next) => void Promise.reject(new Error('on purpose')).catch(next));
  app.get('/busy', (_req, res) => void res.sendStatus(503));
  const scrape = async (): Promise<string> =>
    expose(ownFamilies(), undefined).body + (await registry.metrics());
  return { app, scrape };
}

const requests: [path: string, options?: Parameters<typeof get>[1]][] = [
  ['/shops/1/orders/2'],
  ['/shops/3/orders/4?x=5'],
  ['/shops/1/orders/2', { method: 'HEAD' }],
  ['/shops/1/orders', { method: 'POST', body: '{}', headers: { 'content-type': 'application/json' } }],
  ['/shops/1/orders', { method: 'POST', body: '{', headers: { 'content-type': 'application/json' } }],
  ['/moved'],
  ['/fails'],
  ['/fails'],
  ['/rejects'],
  ['/busy'],
  ['/nowhere'],
  ['/nowhere/%E0'],
  ['/shops/%E0/orders/2'],
];

/** The number of requests by method and status, of the counts with this name and these labels. */
function byStatus(changes: Record<string, number>, name: string, method: string, status: string) {
  const counted: Record<string, number> = {};
  for (const [series, value] of Object.entries(changes)) {
    if (!series.startsWith(`${name}{`)) continue;
    const labelled = (label: string) => new RegExp(`[{,]${label}="([^"]*)"`).exec(series)?.[1];
    const key = `${labelled(method)} ${labelled(status)}`;
    counted[key] = (counted[key] ?? 0) + value;
  }
  return counted;
}

describe.each(expressVersions)('metrics beside express-prom-bundle on %s', (_name, express) => {
  it.each([
    ['one series for all paths', {}],
    ['series by path', { includePath: true }],
  ])('count the same requests by method and status as %s', async (_how, ways) => {
    const { app, scrape } = arrange(express, ways);
    const { url } = await serve(app);
    const before = await scrape();
    for (const [target, options] of requests) await get(url + target, options);
    let after = await scrape();
    while (/^http_server_active_requests\{.*\} [1-9]/m.test(after)) after = await scrape();
    const changes = changesBetween(before, after);
    const ours = byStatus(
      changes,
      'http_server_request_duration_seconds_count',
      'http_request_method',
      'http_response_status_code',
    );
    expect(ours).toEqual({
      'GET 200': 2,
      'HEAD 200': 1,
      'POST 201': 1,
      'POST 400': 1,
      'GET 302': 1,
      'GET 500': 3,
      'GET 503': 1,
      'GET 404': 2,
      'GET 400': 1,
    });
    expect(byStatus(changes, 'http_request_duration_seconds_count', 'method', 'status_code')).toEqual(ours);
  });
});
