import type { HistogramSample, Labels, MetricFamily, NumberSample } from './metric-family.js';

/** A counter or a histogram: what only grows, and is retained when a worker has exited. */
export type TotalFamily = Extract<MetricFamily, { aggregation: 'total' }>;

export type Sample = NumberSample | HistogramSample;

/** A text that is equal for equal labels, in any order of their names. */
export function seriesKey(labels: Labels): string {
  const names = Object.keys(labels).sort();
  return JSON.stringify(names.map((name) => [name, labels[name]]));
}

export function isTotal(family: MetricFamily): family is TotalFamily {
  return family.aggregation === 'total';
}

/** Adds two histogram series of the same bounds. */
export function addHistograms(one: HistogramSample, two: HistogramSample): HistogramSample {
  return {
    labels: one.labels,
    counts: one.counts.map((count, at) => count + (two.counts[at] as number)),
    sum: one.sum + two.sum,
  };
}

/**
 * Converts counts to other bounds. The number of all values and each count up to a bound of both sides remain the same.
 * Values of a bucket that has no equal are counted below the next higher bound.
 */
export function rebin(
  counts: readonly number[],
  from: readonly number[],
  to: readonly number[],
): readonly number[] {
  const uppers = [...to, Number.POSITIVE_INFINITY];
  const places = counts.map((_, at) => {
    const bound = from[at] ?? Number.POSITIVE_INFINITY;
    return uppers.findIndex((upper) => upper >= bound);
  });
  return uppers.map((_, place) =>
    counts.reduce((sum, count, at) => (places[at] === place ? sum + count : sum), 0),
  );
}
