import path from 'node:path';
import { type MetricsRegistry, metrics } from '../../../src/index.js';
import { metricFamilies } from '../../../src/middleware/metrics/collect.js';
import { expose } from '../../../src/support/metrics/exposition.js';
import { installed } from '../../helpers/installed.js';
import { seriesIn } from '../../helpers/scraped.js';

const load = () =>
  jest.requireActual(path.join(installed('prom-client', '15.1.3'), 'node_modules/prom-client'));

/** The series, with their labels in one order. */
const sorted = (text: string) =>
  new Map(
    [...seriesIn(text)].map(([name, value]) => [
      [...name.split(/[{},]/)].filter(Boolean).sort().join(),
      value,
    ]),
  );

async function textWith(registry: MetricsRegistry): Promise<string> {
  const middleware = metrics({ port: false, registry });
  const { body } = expose(await metricFamilies(), undefined);
  middleware.close();
  return body;
}

it('serves the metrics of a registry of prom-client as it serves them itself', async () => {
  const { Registry, Counter, Gauge, Histogram, Summary } = load();
  const registry = new Registry();
  const registers = [registry];
  new Counter({ name: 'orders_total', help: 'Orders.', labelNames: ['kind'], registers }).inc(
    { kind: 'a"b' },
    3,
  );
  new Gauge({ name: 'queue', help: 'Jobs.', registers, aggregator: 'max' }).set(7);
  const waits = new Histogram({
    name: 'wait',
    help: 'Waits.',
    labelNames: ['q'],
    buckets: [1, 5],
    registers,
  });
  for (const value of [0.5, 1, 3, 9]) waits.observe({ q: 'x' }, value);
  waits.observe({ q: 'y' }, 2);
  const sizes = new Summary({ name: 'sizes', help: 'Sizes.', percentiles: [0.5], registers });
  sizes.observe(4);
  const theirs = sorted(await registry.metrics());
  const ours = sorted(await textWith(registry));
  expect(theirs.size).toBeGreaterThan(12);
  for (const [name, value] of theirs) expect([name, ours.get(name)]).toEqual([name, value]);
});

it('has each name once where the registry has the default metrics of prom-client, too', async () => {
  const { Registry, collectDefaultMetrics } = load();
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  const text = await textWith(registry);
  const names = [...text.matchAll(/^# TYPE (\S+)/gm)].map(([, name]) => name);
  expect(names).toContain('process_cpu_seconds_total');
  expect(new Set(names).size).toBe(names.length);
});

it.each([
  [
    'throws',
    () => {
      throw new Error('on purpose');
    },
  ],
  ['rejects', () => Promise.reject(new Error('on purpose'))],
  ['never responds', () => new Promise(() => {})],
  ['returns no list', () => 7],
  ['returns names that are none', () => [{ name: 'a b{', help: '', type: 'gauge', values: [{ value: 1 }] }]],
])('serves our metrics beside a registry that %s', async (_how, getMetricsAsJSON) => {
  const emitWarning = jest.spyOn(process, 'emitWarning').mockImplementation();
  const text = await textWith({ getMetricsAsJSON });
  emitWarning.mockRestore();
  expect(text).toContain('\nprocess_cpu_seconds_total ');
  expect(text).not.toContain('a b{');
});

it('refuses a registry without its method', () => {
  expect(() => metrics({ registry: {} as never })).toThrow(/`registry` to be a registry of prom-client/);
});
