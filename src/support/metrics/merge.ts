import type { HistogramSample, MetricFamily, NumberSample } from './metric-family.js';
import { addHistograms, rebin, seriesKey } from './series.js';

/**
 * Merges the metrics of several workers, the oldest first. The last one that has a metric determines its type, help,
 * aggregation and bounds: two versions of an app run during a reload. Counts of other bounds are converted, and a metric
 * of another type is left out.
 */
export function mergeFamilies(workers: readonly (readonly MetricFamily[])[]): MetricFamily[] {
  const byName = new Map<string, MetricFamily[]>();
  for (const family of workers.flat()) {
    const found = byName.get(family.name);
    if (found === undefined) byName.set(family.name, [family]);
    else found.push(family);
  }
  return [...byName.values()].map(mergeOne);
}

function mergeOne(families: readonly MetricFamily[]): MetricFamily {
  const last = families.at(-1) as MetricFamily;
  if (last.type === 'histogram') {
    const samples = families.flatMap((family) =>
      family.type === 'histogram' ? samplesWithBounds(family, last.bounds) : [],
    );
    return { ...last, samples: bySeries(samples, (same) => same.reduce(addHistograms)) };
  }
  const samples = families.flatMap((family) => (family.type === last.type ? family.samples : []));
  const combine = combiners[last.aggregation];
  return {
    ...last,
    samples: bySeries(samples as readonly NumberSample[], (same) => ({
      labels: (same[0] as NumberSample).labels,
      value: combine(same.map(({ value }) => value)),
    })),
  };
}

type Histogram = Extract<MetricFamily, { type: 'histogram' }>;

function samplesWithBounds(family: Histogram, bounds: readonly number[]): readonly HistogramSample[] {
  if (String(family.bounds) === String(bounds)) return family.samples;
  return family.samples.map((sample) => ({ ...sample, counts: rebin(sample.counts, family.bounds, bounds) }));
}

function bySeries<Sample extends NumberSample | HistogramSample>(
  samples: readonly Sample[],
  combine: (same: readonly Sample[]) => Sample,
): Sample[] {
  const series = new Map<string, Sample[]>();
  for (const sample of samples) {
    const key = seriesKey(sample.labels);
    const found = series.get(key);
    if (found === undefined) series.set(key, [sample]);
    else found.push(sample);
  }
  return [...series.values()].map(combine);
}

const sum = (values: readonly number[]): number => values.reduce((one, two) => one + two, 0);

const combiners = {
  total: sum,
  sum,
  max: (values: readonly number[]) => Math.max(...values),
  min: (values: readonly number[]) => Math.min(...values),
  average: (values: readonly number[]) => sum(values) / values.length,
} as const satisfies Record<MetricFamily['aggregation'], (values: readonly number[]) => number>;
