import type { MetricFamily } from '../../support/metrics/metric-family.js';
import type { TopRates } from './top-state.js';

const durations = 'http_server_request_duration_seconds';
const delay = 'nodejs_eventloop_lag_p99_seconds';

/** The requests of one method, route and status, by their duration. */
export interface RequestCounts {
  readonly method: string;
  readonly route: string;
  readonly isError: boolean;
  readonly bounds: readonly number[];
  readonly counts: readonly number[];
}

/** The requests that a worker has counted, by method, route and status. */
export type WorkerCounts = ReadonlyMap<string, RequestCounts>;

export function countsIn(families: readonly MetricFamily[]): WorkerCounts {
  const found = families.find(({ name }) => name === durations);
  if (found?.type !== 'histogram') return new Map();
  return new Map(
    found.samples.map(({ labels, counts }) => {
      const { http_request_method: method = '', http_route: route = '' } = labels;
      const { http_response_status_code: status = '' } = labels;
      const isError = Number(status) >= 500;
      return [`${method} ${route} ${status}`, { method, route, isError, bounds: found.bounds, counts }];
    }),
  );
}

export function delayIn(families: readonly MetricFamily[]): number | null {
  const found = families.find(({ name }) => name === delay);
  if (found?.type !== 'gauge') return null;
  return (found.samples[0]?.value ?? 0) * 1000;
}

/** The requests between two states of a worker. */
export function countsBetween(before: WorkerCounts, after: WorkerCounts): RequestCounts[] {
  return [...after].flatMap(([key, each]) => {
    const earlier = before.get(key)?.counts ?? [];
    const counts = each.counts.map((count, i) => Math.max(0, count - (earlier[i] ?? 0)));
    return counts.some((count) => count > 0) ? [{ ...each, counts }] : [];
  });
}

/** The rates of requests in a time. */
export function ratesOf(all: readonly RequestCounts[], seconds: number): TopRates {
  const merged: number[] = [];
  let errors = 0;
  for (const { counts, isError } of all) {
    for (const [i, count] of counts.entries()) {
      merged[i] = (merged[i] ?? 0) + count;
      if (isError) errors += count;
    }
  }
  const total = merged.reduce((sum, count) => sum + count, 0);
  const bounds = all[0]?.bounds ?? [];
  return {
    rps: total / seconds,
    errors: errors / seconds,
    p50Ms: quantile(bounds, merged, total, 0.5),
    p99Ms: quantile(bounds, merged, total, 0.99),
  };
}

/** The quantile in milliseconds, interpolated inside its bucket, as Prometheus does. */
function quantile(
  bounds: readonly number[],
  counts: readonly number[],
  total: number,
  share: number,
): number | null {
  if (total === 0) return null;
  const rank = share * total;
  let below = 0;
  for (const [i, upper] of bounds.entries()) {
    const count = counts[i] ?? 0;
    if (below + count >= rank) {
      const lower = bounds[i - 1] ?? 0;
      return (lower + (upper - lower) * ((rank - below) / count)) * 1000;
    }
    below += count;
  }
  return (bounds.at(-1) ?? 0) * 1000;
}
