import { countsBetween, countsIn, delayIn, ratesOf } from '../../src/cli/top/request-counts.js';
import type { MetricFamily } from '../../src/support/metrics/metric-family.js';

const bounds = [0.01, 0.1, 1];
function families(...samples: (readonly [string, string, readonly number[]])[]): MetricFamily[] {
  return [
    {
      name: 'http_server_request_duration_seconds',
      help: '',
      type: 'histogram',
      aggregation: 'total',
      bounds,
      samples: samples.map(([route, status, counts]) => ({
        labels: { http_request_method: 'GET', http_route: route, http_response_status_code: status },
        counts,
        sum: 0,
      })),
    },
  ];
}

describe('the rates of requests', () => {
  it('are those between two states, with quantiles as Prometheus interpolates them', () => {
    const before = countsIn(families(['/a', '200', [100, 0, 0, 0]]));
    const after = countsIn(
      families(['/a', '200', [150, 40, 0, 0]], ['/a', '500', [0, 0, 10, 0]], ['/b', '404', [0, 0, 0, 0]]),
    );
    const between = countsBetween(before, after);
    expect(between.map(({ route, isError }) => [route, isError])).toEqual([
      ['/a', false],
      ['/a', true],
    ]);
    const rates = ratesOf(between, 10);
    expect(rates).toMatchObject({ rps: 10, errors: 1, p50Ms: 10 });
    expect(rates.p99Ms).toBeCloseTo(910, 6);
  });

  it('are never negative, and above the last bound a quantile is that bound', () => {
    const before = countsIn(families(['/a', '200', [9, 0, 0, 0]]));
    const after = countsIn(families(['/a', '200', [0, 0, 0, 2]]));
    expect(ratesOf(countsBetween(before, after), 1)).toEqual({ rps: 2, errors: 0, p50Ms: 1000, p99Ms: 1000 });
    expect(ratesOf([], 1)).toEqual({ rps: 0, errors: 0, p50Ms: null, p99Ms: null });
  });

  it('are empty where a worker reports other metrics only', () => {
    expect([...countsIn([])]).toEqual([]);
    expect(delayIn([])).toBeNull();
  });
});
