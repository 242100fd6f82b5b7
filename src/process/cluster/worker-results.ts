import { rmSync } from 'node:fs';
import path from 'node:path';
import type { ClusterWorker } from './cluster-worker.js';
import { type ControlRequest, filesPrefix, type TaskResult } from './control-protocol.js';
import { sameFile } from './logical-directory.js';
import type { Pool } from './pool.js';

type TaskRequest = Extract<ControlRequest, { command: 'task' }>;

/** The tasks that take long, and are of no use without their client. */
const profiles: readonly string[] = ['profile', 'catch-stall'];
const endMs = 5000;

/**
 * Requests a task of one worker, or of all that run, and resolves with a result for each. A worker that fails, dies or
 * is stuck has an error as its result, after the limit at the latest. A profile ends when its client is gone.
 */
export async function resultsOf(
  pool: Pool,
  { name, argument, worker: id, limitMs }: TaskRequest,
  gone: AbortSignal,
): Promise<TaskResult[]> {
  const running = [...pool.workers].filter(({ state }) => state !== 'starting' && state !== 'dead');
  const workers = running.filter((worker) => worker.id === (id ?? worker.id));
  if (workers.length === 0) {
    const known = running.map((worker) => worker.id).join(', ') || 'none';
    throw new Error(id === undefined ? 'no worker runs' : `no worker ${id} runs; running: ${known}`);
  }
  const end = (): void => {
    for (const worker of workers) worker.request('end-profile', {}, endMs).catch(() => {});
  };
  if (profiles.includes(name)) gone.addEventListener('abort', end);
  const results = await Promise.all(workers.map((worker) => resultOf(worker, name, argument, limitMs)));
  gone.removeEventListener('abort', end);
  return results;
}

/**
 * Removes the directory that a client made for the file of its task, and left because it was killed. A client can send
 * any path: only what stands beside the control socket is removed.
 */
export function removeFilesOf({ argument }: TaskRequest, runtimeDir: string): void {
  const { file } = Object(argument) as { readonly file?: unknown };
  const directory = typeof file === 'string' ? path.dirname(file) : '';
  if (!path.basename(directory).startsWith(filesPrefix)) return;
  if (sameFile(path.dirname(directory), runtimeDir)) rmSync(directory, { recursive: true, force: true });
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
