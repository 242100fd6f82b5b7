import type { Aggregation, HistogramSample, MetricFamily, NumberSample } from './metric-family.js';

/** A counter without labels, or with a number for each value of one label. */
export function counter(name: string, help: string, value: number | readonly NumberSample[]): MetricFamily {
  return { name, help, type: 'counter', aggregation: 'total', samples: samplesOf(value) };
}

export function gauge(
  name: string,
  help: string,
  value: number | readonly NumberSample[],
  aggregation: Exclude<Aggregation, 'total'> = 'sum',
): MetricFamily {
  return { name, help, type: 'gauge', aggregation, samples: samplesOf(value) };
}

export function histogram(
  name: string,
  help: string,
  bounds: readonly number[],
  samples: readonly HistogramSample[],
): MetricFamily {
  return { name, help, type: 'histogram', aggregation: 'total', bounds, samples };
}

/** The samples of numbers by the values of one label. */
export function byLabel(label: string, values: Iterable<readonly [string, number]>): NumberSample[] {
  return [...values].map(([name, value]) => ({ labels: { [label]: name }, value }));
}

function samplesOf(value: number | readonly NumberSample[]): readonly NumberSample[] {
  return typeof value === 'number' ? [{ labels: {}, value }] : value;
}
