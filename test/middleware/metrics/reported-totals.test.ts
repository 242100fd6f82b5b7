import path from 'node:path';
import { type Metrics, type MetricsOptions, metrics } from '../../../src/index.js';
import { metricFamilies, ownFamilies } from '../../../src/middleware/metrics/collect.js';
import { runtime } from '../../../src/middleware/metrics/runtime-measures.js';
import type { MetricFamily } from '../../../src/support/metrics/metric-family.js';
import { installed } from '../../helpers/installed.js';

const open: Metrics[] = [];

afterEach(() => {
  for (const each of open.splice(0)) each.close();
});

const measure = (options: MetricsOptions = {}) => open.push(metrics({ port: false, ...options }));

const named = (families: readonly MetricFamily[], wanted: string) =>
  families.find(({ name }) => name === wanted)?.samples as readonly unknown[] | undefined;

it('the totals that a worker reports each second are all counters and histograms, and no gauge', async () => {
  const names = async (which?: string) =>
    (await metricFamilies(which))
      .filter(({ aggregation }) => aggregation === 'total')
      .map(({ name }) => name)
      .sort();
  expect(await names('totals')).toEqual(await names());
  expect(await metricFamilies('totals')).toHaveLength((await names()).length);
  expect(await names()).toContain('process_cpu_seconds_total');
});

it('the totals do not end the time of which a scrape has the delay and the utilization of the event loop', async () => {
  measure();
  ownFamilies();
  const { utilization } = runtime;
  while ((runtime.delay?.max ?? 0) < 150e6) {
    const end = performance.now() + 200;
    while (performance.now() < end);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  for (let n = 0; n < 3; n++) await metricFamilies('totals');
  expect(runtime.utilization).toBe(utilization);
  const families = ownFamilies();
  for (const name of ['nodejs_eventloop_lag_max_seconds', 'nodejs_eventloop_lag_p99_seconds']) {
    expect(named(families, name)).toEqual([{ labels: {}, value: expect.any(Number) }]);
    expect((named(families, name) as { value: number }[])[0]?.value).toBeGreaterThan(0.1);
  }
});

it('the totals collect the counters and histograms of a registry of prom-client, and not its gauges', async () => {
  const load = path.join(installed('prom-client', '15.1.3'), 'node_modules/prom-client');
  const { Registry, Counter, Gauge, Histogram, Summary } = jest.requireActual(load);
  const registry = new Registry();
  registry.setDefaultLabels({ app: 'shop' });
  const registers = [registry];
  const collected: string[] = [];
  const collect = function collectOne(this: { name: string }): void {
    collected.push(this.name);
  };
  new Counter({ name: 'orders_total', help: 'Orders.', registers, collect }).inc(3);
  new Histogram({ name: 'wait', help: 'Waits.', buckets: [1], registers, collect }).observe(0.5);
  new Gauge({ name: 'queue', help: 'Jobs.', registers, collect }).set(7);
  new Summary({ name: 'sizes', help: 'Sizes.', registers, collect }).observe(4);
  measure({ registry });
  const totals = await metricFamilies('totals');
  expect(collected).toEqual(['orders_total', 'wait']);
  expect(named(totals, 'orders_total')).toEqual([{ labels: { app: 'shop' }, value: 3 }]);
  const all = await metricFamilies();
  expect(collected).toEqual(['orders_total', 'wait', 'orders_total', 'wait', 'queue', 'sizes']);
  for (const name of ['orders_total', 'wait']) expect(named(totals, name)).toEqual(named(all, name));
});

const orders = [{ labels: {}, value: 3 }];
const list = [{ name: 'orders_total', help: '', type: 'counter', values: orders }];

class PrivateRegistry {
  readonly #list = list;
  getMetricsAsArray = () => [];
  getMetricsAsJSON() {
    return this.#list;
  }
}

it.each([
  ['lists no metrics', { getMetricsAsJSON: () => list }],
  ['has private fields', new PrivateRegistry()],
])('the totals have those of a registry that %s', async (_which, registry) => {
  measure({ registry });
  expect(named(await metricFamilies('totals'), 'orders_total')).toEqual(orders);
});
