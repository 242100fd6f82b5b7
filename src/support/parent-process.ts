import cluster, { type Worker } from 'node:cluster';
import { withTimeLimit } from './time-limit.js';

const handshakeMs = 1000;

/** This process as a worker of `node:cluster`, PM2's cluster mode included. */
export function clusterWorker(): Worker | undefined {
  return cluster.isWorker ? cluster.worker : undefined;
}

/**
 * Prevents Node from ending a worker and its requests when the primary exits, and calls back instead. Returns its undo.
 * Node ends a worker whose channel closes, unless `exitedAfterDisconnect` is set.
 */
export function outlivePrimary(onLoss: () => void): () => void {
  const worker = clusterWorker();
  if (worker === undefined) return () => {};
  const { exitedAfterDisconnect } = worker;
  worker.exitedAfterDisconnect = true;
  worker.once('disconnect', onLoss);
  return () => {
    worker.off('disconnect', onLoss);
    worker.exitedAfterDisconnect = exitedAfterDisconnect;
  };
}

/**
 * Listens for messages of the parent: PM2 where signals are missing, or a cluster's primary. Returns its undo. Only called
 * where such a parent is known, because Node buffers messages for the first listener, which may be the app's.
 */
export function onParentMessage(listener: (message: unknown) => void): () => void {
  const worker = clusterWorker();
  if (worker) {
    worker.on('message', listener);
    return () => worker.off('message', listener);
  }
  const channel = process.channel as { refCounted?(): void; unrefCounted?(): void } | null | undefined;
  if (channel == null) return () => {};
  process.on('message', listener);
  // Node keeps a process alive for each listener; this one must not
  channel.unrefCounted?.();
  return () => {
    channel.refCounted?.();
    process.off('message', listener);
  };
}

/**
 * Disconnects from the cluster: the primary is notified that this worker accepts no connections, and passes those on
 * their way to another worker, before the channel closes.
 */
export async function leaveCluster(): Promise<void> {
  const worker = clusterWorker();
  if (!worker?.isConnected()) return;
  const left = new Promise<void>((resolve) => worker.once('disconnect', () => resolve()));
  worker.disconnect();
  await withTimeLimit(left, handshakeMs, () => {});
}
