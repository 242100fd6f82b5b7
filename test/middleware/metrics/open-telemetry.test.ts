import type http from 'node:http';
import path from 'node:path';
import { metrics as measures, productionize } from '../../../src/index.js';
import { ownFamilies } from '../../../src/middleware/metrics/collect.js';
import { expose } from '../../../src/support/metrics/exposition.js';
import { expressVersions } from '../../helpers/express-versions.js';
import { installed } from '../../helpers/installed.js';
import { quiet } from '../../helpers/memory-log.js';
import { requestsIn, seriesIn } from '../../helpers/scraped.js';
import { closeAll, get, serve } from '../../helpers/serve.js';

const folder = installed(
  '@opentelemetry/sdk-metrics',
  '2.12.1',
  '@opentelemetry/api@1.9.1',
  '@opentelemetry/sdk-trace-base@2.12.1',
  '@opentelemetry/context-async-hooks@2.12.1',
);
const load = (name: string) => jest.requireActual(path.join(folder, 'node_modules/@opentelemetry', name));

interface Point {
  readonly attributes: Readonly<Record<string, unknown>>;
  readonly value: number | { readonly count: number };
}

interface Collected {
  readonly resourceMetrics: {
    readonly scopeMetrics: readonly {
      readonly metrics: readonly {
        readonly descriptor: { readonly name: string };
        readonly dataPoints: readonly Point[];
      }[];
    }[];
  };
}

const { trace, metrics, context } = load('api');
const { MeterProvider, MetricReader } = load('sdk-metrics');
const { BasicTracerProvider, InMemorySpanExporter, SimpleSpanProcessor } = load('sdk-trace-base');
const { AsyncLocalStorageContextManager } = load('context-async-hooks');

class Reader extends MetricReader {
  async onForceFlush() {}
  async onShutdown() {}
}

const reader = new Reader();
const spans = new InMemorySpanExporter();
context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
metrics.setGlobalMeterProvider(new MeterProvider({ readers: [reader] }));
const tracer = new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(spans)] }).getTracer(
  'test',
);

async function pointsOf(name: string): Promise<readonly Point[]> {
  const { resourceMetrics } = (await reader.collect()) as Collected;
  const all = resourceMetrics.scopeMetrics.flatMap((scope) => scope.metrics);
  return all.find(({ descriptor }) => descriptor.name === name)?.dataPoints ?? [];
}

afterEach(closeAll);

it.each(expressVersions)(
  'counts for OpenTelemetry what it counts itself, and names the route of the span, %s',
  async (_name, express) => {
    spans.reset();
    const app = express();
    productionize(app, { ...quiet(), metrics: { port: 0 } });
    const orders = express.Router({ mergeParams: true });
    orders.get('/:order', (_req, res) => void res.send('order'));
    orders.get('/:order/broken', () => {
      throw new Error('broken');
    });
    app.use('/shops/:shop/orders', orders);
    // a tracing agent starts a span around the whole app, and ends it when the response closes
    let closed = 0;
    const { url } = await serve((req: http.IncomingMessage, res: http.ServerResponse) => {
      tracer.startActiveSpan('server', (span: { end(): void }) => {
        res.on('close', () => {
          span.end();
          closed++;
        });
        app(req, res);
      });
    });
    for (const target of ['/shops/1/orders/2', '/shops/3/orders/4', '/shops/3/orders/4/broken', '/none/5']) {
      await get(url + target);
    }
    while (closed < 4) await new Promise(setImmediate);

    const durations = await pointsOf('http.server.request.duration');
    const counts = Object.fromEntries(
      durations.map(({ attributes, value }) => [
        `${attributes['http.request.method']} ${attributes['http.route'] ?? '(no route)'} ${attributes['http.response.status_code']}`,
        (value as { count: number }).count,
      ]),
    );
    expect(counts).toMatchObject({
      'GET /shops/:shop/orders/:order 200': expect.any(Number),
      'GET /shops/:shop/orders/:order/broken 500': expect.any(Number),
      'GET (no route) 404': expect.any(Number),
    });
    expect(requestsIn(Object.fromEntries(seriesIn(expose(ownFamilies(), undefined).body)))).toEqual(counts);
    expect(durations.find(({ attributes }) => attributes['error.type'] === '500')).toBeDefined();
    expect(JSON.stringify(durations)).not.toMatch(/none|orders\/\d/);

    const active = await pointsOf('http.server.active_requests');
    expect(active.map(({ value }) => value)).toEqual([0]);

    const routes = spans.getFinishedSpans().map((span: { attributes: object }) => span.attributes);
    expect(routes).toEqual([
      { 'http.route': '/shops/:shop/orders/:order' },
      { 'http.route': '/shops/:shop/orders/:order' },
      { 'http.route': '/shops/:shop/orders/:order/broken' },
      {},
    ]);
    expect(trace.getActiveSpan()).toBeUndefined();
  },
);

it('records nothing for OpenTelemetry of an app with `openTelemetry: false`, and all of another app', async () => {
  const [[, express]] = expressVersions as [(typeof expressVersions)[0]];
  const counts = async () =>
    Object.fromEntries(
      (await pointsOf('http.server.request.duration')).map(({ attributes, value }) => [
        attributes['http.route'],
        (value as { count: number }).count,
      ]),
    );
  const appWith = (openTelemetry: boolean, target: string) => {
    const app = express();
    productionize(app, { ...quiet(), metrics: { port: 0, openTelemetry } });
    app.get(target, (_req, res) => void res.send('hello'));
    return app;
  };
  const ignored = appWith(false, '/ignored');
  ignored.use('/inner', appWith(true, '/of-ignored'));
  const recorded = appWith(true, '/recorded');
  recorded.use('/inner', appWith(false, '/of-recorded'));
  const alone = express().use(measures({ port: false, openTelemetry: false }), recorded);
  for (const [app, ...targets] of [
    [ignored, '/ignored', '/inner/of-ignored'],
    [recorded, '/recorded', '/inner/of-recorded'],
    [alone, '/recorded'],
  ] as const) {
    const { url, close } = await serve(app);
    for (const target of targets) expect((await get(url + target)).status).toBe(200);
    await close();
  }
  const counted = await counts();
  expect(counted).toMatchObject({ '/recorded': 1, '/inner/of-recorded': 1 });
  expect(Object.keys(counted).join()).not.toContain('ignored');
  const active = await pointsOf('http.server.active_requests');
  expect(active.map(({ value }) => value)).toEqual([0]);
});
