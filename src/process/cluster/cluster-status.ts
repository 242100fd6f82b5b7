import type { ClusterWorker } from './cluster-worker.js';
import type { ClusterStatus, WorkerStatus } from './control-protocol.js';
import type { Pool } from './pool.js';
import type { Reloader } from './rolling-reload.js';

/** The state of a cluster and its workers. */
export function statusOf(
  pool: Pool,
  reloader: Reloader,
  names: Pick<ClusterStatus, 'name' | 'script'>,
): ClusterStatus {
  return {
    pid: process.pid,
    ...names,
    // a bundle that is an ES module has no `__dirname`
    library: typeof __dirname === 'string' ? __dirname : '',
    uptimeMs: Math.round(process.uptime() * 1000),
    target: pool.target,
    ready: pool.ready,
    reloading: reloader.reloading,
    stopping: pool.stopping,
    deaths: pool.deaths,
    workers: [...pool.workers].map(statusOfWorker),
  };
}

function statusOfWorker(worker: ClusterWorker): WorkerStatus {
  const { id, pid, state, uptimeMs, beatAt, metrics, addresses, parts } = worker;
  return {
    id,
    pid,
    state,
    uptimeMs: Math.round(uptimeMs),
    beatAgeMs: beatAt === undefined ? null : Math.round(performance.now() - beatAt),
    rssBytes: metrics?.rssBytes ?? null,
    utilization: metrics?.utilization ?? null,
    inFlight: metrics?.inFlight ?? null,
    addresses,
    parts,
  };
}
