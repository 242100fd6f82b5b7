import cluster, { type Worker } from 'node:cluster';
import { withTimeLimit } from './time-limit.js';

const handshakeMs = 1000;

/** This process as a worker of `node:cluster`, PM2's cluster mode included. */
export function clusterWorker(): Worker | undefined {
  return cluster.isWorker ? cluster.worker : undefined;
}

/**
 * Keeps Node from ending a worker, requests and all, when its primary dies, and calls back instead. Returns its undo.
 * Node ends a worker whose channel closes unless it believes that the worker meant to go.
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
 * Hears a message from the parent: PM2 where signals are missing, a cluster's primary. Returns its undo. Only called
 * where such a parent is known: a listener takes messages that the app's own, added later, would have been kept for.
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
  // Node keeps a process alive for each listener; this one is no reason to live
  channel.unrefCounted?.();
  return () => {
    channel.refCounted?.();
    process.off('message', listener);
  };
}

/**
 * Leaves the cluster in good order: the primary hears that this worker accepts no more, and hands what was on its way
 * here to another worker, before the channel closes.
 */
export async function leaveCluster(): Promise<void> {
  const worker = clusterWorker();
  if (!worker?.isConnected()) return;
  const left = new Promise<void>((resolve) => worker.once('disconnect', () => resolve()));
  worker.disconnect();
  await withTimeLimit(left, handshakeMs, () => {});
}
