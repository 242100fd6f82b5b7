import { expose } from '../../../src/support/metrics/exposition.js';
import type { MetricFamily } from '../../../src/support/metrics/metric-family.js';

const families: MetricFamily[] = [
  {
    name: 'jobs_total',
    help: 'Jobs of "a\\b"\nby kind.',
    type: 'counter',
    aggregation: 'total',
    samples: [
      { labels: { kind: 'a"b\\c\nd' }, value: 3 },
      { labels: {}, value: 0.5 },
    ],
  },
  {
    name: 'temperature',
    help: 'Degrees.',
    type: 'gauge',
    aggregation: 'max',
    samples: [
      { labels: { room: 'a' }, value: Infinity },
      { labels: { room: 'b' }, value: -Infinity },
      { labels: { room: 'c' }, value: Number.NaN },
    ],
  },
  {
    name: 'wait_seconds',
    help: 'Waits.',
    type: 'histogram',
    aggregation: 'total',
    bounds: [0.5, 1],
    samples: [{ labels: { queue: 'q' }, counts: [2, 0, 1], sum: 7.25 }],
  },
];

it('writes counters, gauges and cumulative histograms as Prometheus text', () => {
  expect(expose(families, undefined)).toEqual({
    contentType: 'text/plain; version=0.0.4; charset=utf-8',
    body: [
      '# HELP jobs_total Jobs of "a\\\\b"\\nby kind.',
      '# TYPE jobs_total counter',
      'jobs_total{kind="a\\"b\\\\c\\nd"} 3',
      'jobs_total 0.5',
      '# HELP temperature Degrees.',
      '# TYPE temperature gauge',
      'temperature{room="a"} +Inf',
      'temperature{room="b"} -Inf',
      'temperature{room="c"} NaN',
      '# HELP wait_seconds Waits.',
      '# TYPE wait_seconds histogram',
      'wait_seconds_bucket{queue="q",le="0.5"} 2',
      'wait_seconds_bucket{queue="q",le="1"} 2',
      'wait_seconds_bucket{queue="q",le="+Inf"} 3',
      'wait_seconds_sum{queue="q"} 7.25',
      'wait_seconds_count{queue="q"} 3',
      '',
    ].join('\n'),
  });
});

it('writes OpenMetrics with bare names of counters, canonical bounds and an end', () => {
  const { contentType, body } = expose(families, 'application/openmetrics-text; version=1.0.0');
  expect(contentType).toBe('application/openmetrics-text; version=1.0.0; charset=utf-8');
  expect(body).toContain('# HELP jobs Jobs of \\"a\\\\b\\"\\nby kind.\n# TYPE jobs counter\njobs_total{');
  expect(body).toContain('wait_seconds_bucket{queue="q",le="1.0"} 2\n');
  expect(body.endsWith('\n# EOF\n')).toBe(true);
});

it.each([
  // what Prometheus 2.42 and 3 send
  [
    'application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,*/*;q=0.1',
    true,
  ],
  [
    'application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,text/plain;version=0.0.4;q=0.3,*/*;q=0.2',
    true,
  ],
  ['text/plain;version=0.0.4', false],
  ['text/plain, application/openmetrics-text;q=0.5', false],
  ['application/openmetrics-text;version=0.0.1', false],
  ['application/openmetrics-text;q=0', false],
  ['application/openmetrics-text;q=x', false],
  ['application/openmetrics-text;version="1.0.0"', true],
  ['APPLICATION/OPENMETRICS-TEXT', true],
  ['*/*', false],
  ['', false],
])('selects the format that %j prefers', (accept, open) => {
  expect(expose([], accept).contentType.startsWith('application/openmetrics-text')).toBe(open);
});
