import type { ClusterWorker } from './cluster-worker.js';

const checkMs = 1000;

/**
 * Kills workers without a heartbeat for `stuckMs`, because requests to them would get no response. 0 disables the
 * check. A worker with an open inspector may have stopped at a breakpoint and is not killed. Returns a function that ends it.
 */
export function killStuckWorkers(workers: Iterable<ClusterWorker>, stuckMs: number): () => void {
  if (stuckMs === 0) return () => {};
  let checkedAt = performance.now();
  const timer = setInterval(() => {
    const now = performance.now();
    // when this process was blocked, it has not read the heartbeats from its channels yet
    const stoodStill = now - checkedAt > 2 * checkMs;
    checkedAt = now;
    for (const worker of workers) {
      if (worker.state !== 'ready' || worker.beatAt === undefined) continue;
      if (stoodStill || worker.debugged) worker.beatAt = now;
      else if (now - worker.beatAt > stuckMs) worker.kill(`no heartbeat for ${stuckMs} ms`);
    }
  }, checkMs);
  return () => clearInterval(timer);
}
