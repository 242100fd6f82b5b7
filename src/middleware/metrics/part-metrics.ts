import { liveApps } from '../../support/live-apps.js';
import { counts } from '../../support/metrics/counts.js';
import { byLabel, counter, gauge } from '../../support/metrics/families.js';
import type { MetricFamily } from '../../support/metrics/metric-family.js';

/** What the other parts of this package have counted. */
export function partFamilies(): MetricFamily[] {
  const { shed, deadlines, cache, syncCalls, drains } = counts;
  const draining = [...liveApps].some(({ state }) => state === 'draining');
  return [
    counter(
      'productionize_requests_shed_total',
      'Requests that load shedding refused, by reason.',
      byLabel('reason', Object.entries(shed)),
    ),
    counter(
      'productionize_deadlines_total',
      'Requests that passed their deadline (expired), and responses finished after it (late) or after the client had left (gone).',
      byLabel('outcome', Object.entries(deadlines)),
    ),
    counter(
      'productionize_cache_requests_total',
      'Requests that the response cache handled, by result.',
      byLabel('result', Object.entries(cache)),
    ),
    counter('productionize_sync_calls_total', 'Synchronous calls during requests.', syncCalls),
    counter('productionize_drains_total', 'Apps that began to drain.', drains),
    gauge('productionize_draining', 'Whether an app of this process is draining.', draining ? 1 : 0),
  ];
}
