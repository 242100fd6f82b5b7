import { metricFamilies } from '../../../src/middleware/metrics/collect.js';

it('the totals that a worker reports each second are all counters and histograms, and no gauge', () => {
  const names = (which?: string) =>
    metricFamilies(which)
      .filter(({ aggregation }) => aggregation === 'total')
      .map(({ name }) => name)
      .sort();
  expect(names('totals')).toEqual(names());
  expect(metricFamilies('totals')).toHaveLength(names().length);
  expect(names()).toContain('process_cpu_seconds_total');
});
