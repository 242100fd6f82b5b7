import { quote, warnOnce } from '../../support/errors.js';
import { counter, gauge, histogram } from '../../support/metrics/families.js';
import type { Labels, MetricFamily } from '../../support/metrics/metric-family.js';
import { processWide } from '../../support/process-wide.js';
import { metricRegistriesKey } from '../../support/symbols.js';
import { withTimeLimit } from '../../support/time-limit.js';

/** A registry of prom-client, whose metrics are served beside ours. */
export interface MetricsRegistry {
  getMetricsAsJSON(): unknown;
}

interface ListingRegistry extends MetricsRegistry {
  getMetricsAsArray?(): readonly { readonly type?: string }[];
}

interface Value {
  readonly value: number;
  readonly labels?: Readonly<Record<string, string | number>>;
  /** The name of the sample, for histograms and summaries. */
  readonly metricName?: string;
}

/** A metric as prom-client describes it. */
interface Metric {
  readonly name: string;
  readonly help: string;
  readonly type: string;
  readonly aggregator?: string;
  readonly values: readonly Value[];
}

const registries = processWide(metricRegistriesKey, () => new Set<MetricsRegistry>());

const limitMs = 500;
const validName = /^[a-z_:][\w:]*$/i;
const aggregations: Readonly<Record<string, 'min' | 'max' | 'average'>> = {
  min: 'min',
  max: 'max',
  average: 'average',
  first: 'max',
  omit: 'max',
};

/** Adds a registry of the app. Returns its undo. */
export function joinRegistry(registry: MetricsRegistry | undefined): () => void {
  if (registry === undefined) return () => {};
  registries.add(registry);
  return () => registries.delete(registry);
}

/**
 * Adds the metrics of all registries. A name that is there already is not added: ours describe the same. With `totals`,
 * gauges are left out where the registry lists its metrics.
 */
export function withJoined(
  own: MetricFamily[],
  which: 'all' | 'totals' = 'all',
): MetricFamily[] | Promise<MetricFamily[]> {
  return registries.size === 0 ? own : join(own, which === 'all' ? (each) => each : totalsOf);
}

async function join(
  own: MetricFamily[],
  part: (registry: MetricsRegistry) => MetricsRegistry,
): Promise<MetricFamily[]> {
  const all = new Map(own.map((family) => [family.name, family]));
  const joined = await Promise.all([...registries].map((each) => familiesOf(part(each))));
  for (const family of joined.flat()) if (!all.has(family.name)) all.set(family.name, family);
  return [...all.values()];
}

/**
 * The registry without its gauges and summaries. Collecting the default metrics of prom-client resets the delay of its
 * event loop, which the app may serve itself.
 */
function totalsOf(registry: ListingRegistry): MetricsRegistry {
  if (typeof registry.getMetricsAsArray !== 'function') return registry;
  const listed = (): object[] =>
    registry.getMetricsAsArray?.().filter(({ type }) => type !== 'gauge' && type !== 'summary') ?? [];
  // it adds labels of its own to those of its metrics
  const part = Object.create(registry, { getMetricsAsArray: { value: listed } }) as MetricsRegistry;
  return {
    async getMetricsAsJSON() {
      try {
        return await part.getMetricsAsJSON();
      } catch {
        // a class with private fields accepts its own instances only
        return registry.getMetricsAsJSON();
      }
    },
  };
}

async function familiesOf(registry: MetricsRegistry): Promise<MetricFamily[]> {
  try {
    const work = Promise.resolve(registry.getMetricsAsJSON()).then((list) => list as Metric[]);
    const metrics = await withTimeLimit(work, limitMs, () => undefined, { ref: false });
    if (metrics === undefined) throw new Error(`no metrics within ${limitMs} ms`);
    return metrics.filter(({ name }) => validName.test(name)).flatMap(familyOf);
  } catch (error) {
    warnOnce(
      'ERR_PRODUCTIONIZE_METRICS',
      `The registry of the app cannot be read: ${quote(error)}. Its metrics are missing.`,
      'registry',
    );
    return [];
  }
}

function familyOf(metric: Metric): MetricFamily[] {
  const { name, help, type, aggregator = 'sum' } = metric;
  const samplesNamed = (wanted: string) =>
    metric.values
      .filter(({ metricName = name }) => metricName === wanted)
      .map(({ labels, value }) => ({ labels: textOf(labels), value: Number(value) }));
  if (type === 'counter') return [counter(name, help, samplesNamed(name))];
  if (type === 'histogram') return [histogramOf(metric)];
  const own = gauge(name, help, samplesNamed(name), aggregations[aggregator] ?? 'sum');
  if (type !== 'summary') return [own];
  // a quantile of several workers cannot be computed, but their counts are added
  const total = (suffix: string) => gauge(name + suffix, help, samplesNamed(name + suffix));
  return [{ ...own, aggregation: 'max' } as MetricFamily, total('_sum'), total('_count')];
}

function histogramOf({ name, help, values }: Metric): MetricFamily {
  const bounds = new Set<number>();
  const series = new Map<string, { labels: Labels; cumulative: Map<number, number>; sum: number }>();
  for (const { labels = {}, metricName, value } of values) {
    const { le, ...rest } = labels;
    const own = textOf(rest);
    const key = JSON.stringify(own);
    const one = series.get(key) ?? { labels: own, cumulative: new Map<number, number>(), sum: 0 };
    series.set(key, one);
    const bound = le === '+Inf' ? Infinity : Number(le);
    if (metricName === `${name}_sum`) one.sum = value;
    if (metricName !== `${name}_bucket`) continue;
    one.cumulative.set(bound, value);
    if (bound < Infinity) bounds.add(bound);
  }
  const ascending = [...bounds].sort((a, b) => a - b);
  const samples = [...series.values()].map(({ labels, cumulative, sum }) => {
    let below = 0;
    const counts = [...ascending, Infinity].map((bound) => {
      const until = Math.max(cumulative.get(bound) ?? below, below);
      const count = until - below;
      below = until;
      return count;
    });
    return { labels, counts, sum };
  });
  return histogram(name, help, ascending, samples);
}

function textOf(labels: Value['labels'] = {}): Labels {
  return Object.fromEntries(Object.entries(labels).map(([name, value]) => [name, String(value)]));
}
