import { metricFamilies } from '../../../src/middleware/metrics/collect.js';

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
