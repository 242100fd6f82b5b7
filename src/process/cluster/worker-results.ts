import type { ClusterWorker } from './cluster-worker.js';
import type { ControlRequest, TaskResult } from './control-protocol.js';
import type { Pool } from './pool.js';

type TaskRequest = Extract<ControlRequest, { command: 'task' }>;

/**
 * Requests a task of one worker, or of all that run, and resolves with a result for each. A worker that fails, dies or
 * is stuck has an error as its result, after the limit at the latest.
 */
export async function resultsOf(
  pool: Pool,
  { name, argument, worker: id, limitMs }: TaskRequest,
): Promise<TaskResult[]> {
  const running = [...pool.workers].filter(({ state }) => state !== 'starting' && state !== 'dead');
  const workers = running.filter((worker) => worker.id === (id ?? worker.id));
  if (workers.length === 0) {
    const known = running.map((worker) => worker.id).join(', ') || 'none';
    throw new Error(id === undefined ? 'no worker runs' : `no worker ${id} runs; running: ${known}`);
  }
  return Promise.all(workers.map((worker) => resultOf(worker, name, argument, limitMs)));
}

async function resultOf(
  worker: ClusterWorker,
  name: string,
  argument: unknown,
  limitMs: number,
): Promise<TaskResult> {
  const { id, pid } = worker;
  return worker.request(name, argument, limitMs).then(
    (result) => ({ worker: id, pid, result }),
    (error: Error) => ({ worker: id, pid, error: error.message }),
  );
}
