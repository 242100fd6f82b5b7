import type { ControlRequest } from './control-protocol.js';
import type { Pool } from './pool.js';
import type { Reloader } from './rolling-reload.js';

type SnapshotRequest = Extract<ControlRequest, { command: 'snapshot' }>;

const taskMs = 10_000;

/**
 * Replaces one worker and lets it write a heap snapshot when it exits: a new worker is ready before the old one drains,
 * so the pause of the snapshot fails no request. The worker is killed after its drain and `limitMs` more.
 */
export async function snapshotWorker(
  pool: Pool,
  reloader: Reloader,
  { worker: id, file, limitMs }: SnapshotRequest,
): Promise<string> {
  const worker = pool.members().find((each) => each.id === id && each.state === 'ready');
  if (worker === undefined) throw new Error(`no worker ${id} is ready`);
  if (reloader.reloading) throw new Error('workers are being replaced at the moment: try again later');
  await worker.request('snapshot', { file }, taskMs);
  if (!(await reloader.replace(worker, { extraMs: limitMs }))) {
    await worker.request('snapshot', {}, taskMs);
    throw new Error(`worker ${id} was not replaced, because a new worker did not become ready: see the log`);
  }
  const { killed, signal } = await worker.gone;
  if (killed !== undefined)
    throw new Error(`worker ${id} was killed before its snapshot was complete: ${killed}`);
  if (signal !== null)
    throw new Error(`worker ${id} was killed by ${signal} before its snapshot was complete`);
  return `worker ${id} was replaced`;
}
