import type { MetricFamily } from '../../support/metrics/metric-family.js';
import { ChangedTotals } from '../../support/metrics/totals.js';
import { workerTasks } from '../../support/worker-tasks.js';
import { hooks, makeHook } from '../shutdown/hooks.js';
import { sendToParent } from './worker-protocol.js';

/**
 * Sends the counters and histograms that have changed to the primary, each time after an interval and when the worker
 * ends. The primary counts them when this process has exited: SIGKILL loses one interval at most.
 */
export function reportTotals(intervalMs: number): void {
  const changed = new ChangedTotals();
  const send = (all: readonly MetricFamily[]): void => {
    const families = changed.since(all);
    if (families.length > 0) sendToParent({ productionize: 'totals', families });
  };
  const report = async (): Promise<void> => {
    const families = workerTasks.get('metrics')?.('totals') as
      | MetricFamily[]
      | Promise<MetricFamily[]>
      | undefined;
    // nothing that is asynchronous runs in a process that exits
    if (Array.isArray(families)) send(families);
    else if (families !== undefined) send(await families);
  };
  const attempt = (): Promise<void> => report().catch(() => {});
  setInterval(attempt, intervalMs).unref();
  // the channel closes before the exit of a process that drains, and an app may call process.exit instead
  hooks.shutdown.add(makeHook(attempt, { name: 'the last metrics' }));
  process.on('exit', attempt);
}
