import type { ClusterWorker } from './cluster-worker.js';

const checkMs = 1000;

/**
 * Kills workers that hang: one that beat once, and for `stuckMs` does so no more, would take requests that nobody
 * answers. 0 kills none. Returns its end.
 */
export function killStuckWorkers(workers: Iterable<ClusterWorker>, stuckMs: number): () => void {
  if (stuckMs === 0) return () => {};
  let checkedAt = performance.now();
  const timer = setInterval(() => {
    const now = performance.now();
    // when this process itself stood still, the beats wait in its channels: they say nothing about the workers
    const stoodStill = now - checkedAt > 2 * checkMs;
    checkedAt = now;
    for (const worker of workers) {
      if (worker.state !== 'ready' || worker.beatAt === undefined) continue;
      if (stoodStill) worker.beatAt = now;
      else if (now - worker.beatAt > stuckMs) worker.kill(`no heartbeat for ${stuckMs} ms`);
    }
  }, checkMs);
  return () => clearInterval(timer);
}
