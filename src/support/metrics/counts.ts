import { processWide } from '../process-wide.js';
import { metricCountsKey } from '../symbols.js';

/** How a response cache handled a request. `miss` has no stored response, and `stale` one that was too old to send. */
export type CacheResult = 'hit' | 'hit-stale' | 'collapsed' | 'miss' | 'stale' | 'bypass';

/** What the parts of this process count for metrics. An increment of a field is all that a part does. */
export const counts = processWide(metricCountsKey, () => ({
  shed: { queue: 0, delay: 0, utilization: 0, priority: 0 },
  deadlines: { expired: 0, late: 0, gone: 0 },
  cache: {
    hit: 0,
    'hit-stale': 0,
    collapsed: 0,
    miss: 0,
    stale: 0,
    bypass: 0,
  } satisfies Record<CacheResult, number>,
  syncCalls: 0,
  drains: 0,
}));
