import { randomBytes } from 'node:crypto';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import path from 'node:path';
import { type FoundCluster, sendRequest } from '../../process/cluster/control-client.js';
import { filesPrefix, type WorkerStatus } from '../../process/cluster/control-protocol.js';
import { CommandError, UsageError, wholeNumber } from '../command.js';

/** Requests a task of one worker. Throws a CommandError with the reason when it fails. */
export async function taskOf<Result>(
  { socket }: FoundCluster,
  worker: WorkerStatus,
  task: { readonly name: string; readonly argument: object; readonly limitMs: number },
): Promise<Result> {
  const response = await sendRequest(socket, { command: 'task', worker: worker.id, ...task });
  const [done] = (response.ok ? response.results : undefined) ?? [];
  const error = response.ok ? done?.error : response.message;
  if (error !== undefined) throw new CommandError(`worker ${worker.id} (pid ${worker.pid}): ${error}`);
  return done?.result as Result;
}

/** Ends the profile of a worker early, if it has one. */
export async function endProfile(cluster: FoundCluster, worker: WorkerStatus): Promise<void> {
  await taskOf(cluster, worker, { name: 'end-profile', argument: {}, limitMs: 5000 }).catch(() => {});
}

/**
 * Passes the name of a file that the worker is to create, and resolves with its text, which is empty where the result is
 * `null`. The file is in the directory of the
 * control socket: a service may have a temporary directory of its own.
 */
export async function fileOfWorker<Result>(
  { socket }: FoundCluster,
  work: (file: string) => Promise<Result>,
): Promise<{ text: string; result: Result }> {
  const directory = await mkdtemp(path.join(path.dirname(socket), filesPrefix));
  try {
    const file = path.join(directory, randomBytes(8).toString('hex'));
    const result = await work(file);
    return { text: result === null ? '' : await readFile(file, 'utf8'), result };
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

/** The workers of `--worker`: by default the ready one with the most of something, one by its id, or all. */
export function workersOf(
  { status }: FoundCluster,
  which: string | undefined,
  amountOf: (worker: WorkerStatus) => number | null,
): WorkerStatus[] {
  const ready = status.workers.filter(({ state }) => state === 'ready');
  const [first, ...others] = ready;
  if (first === undefined) throw new CommandError('no worker is ready');
  if (which === 'all') return ready;
  if (which === undefined) {
    return [others.reduce((a, b) => ((amountOf(b) ?? 0) > (amountOf(a) ?? 0) ? b : a), first)];
  }
  if (!/^\d+$/.test(which)) {
    throw new UsageError(`--worker: expected the id of a worker or all, got ${JSON.stringify(which)}`);
  }
  const id = wholeNumber('--worker', which, Number.MAX_SAFE_INTEGER);
  const found = ready.find((worker) => worker.id === id);
  if (found) return [found];
  const known = ready.map((worker) => worker.id).join(', ');
  throw new CommandError(`no worker ${id} is ready; ready: ${known}`);
}
