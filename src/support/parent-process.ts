import cluster, { type Worker } from 'node:cluster';
import { withTimeLimit } from './time-limit.js';

const handshakeMs = 1000;

/** Returns this process as a worker of `node:cluster`, which includes PM2's cluster mode. */
export function clusterWorker(): Worker | undefined {
  return cluster.isWorker ? cluster.worker : undefined;
}

/**
 * Prevents Node from ending a worker when its primary exits, and calls `onLoss` instead. Returns a function that undoes
 * this. Node ends a worker whose channel closes, unless `exitedAfterDisconnect` is set.
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
 * Listens for messages of the parent: PM2 on systems without signals, or the primary of a cluster. Returns a function
 * that removes the listener. Call it only if such a parent is known. Node buffers messages for the first listener,
 * which may be the app's.
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
  // this listener must not keep the process alive, as a listener for messages does by default
  channel.unrefCounted?.();
  return () => {
    channel.refCounted?.();
    process.off('message', listener);
  };
}

/**
 * Disconnects from the cluster. Before the channel closes, the primary is notified that this worker accepts no
 * connections. It passes the connections that are being sent to this worker to another one.
 */
export async function leaveCluster(): Promise<void> {
  const worker = clusterWorker();
  if (!worker?.isConnected()) return;
  const left = new Promise<void>((resolve) => worker.once('disconnect', () => resolve()));
  worker.disconnect();
  await withTimeLimit(left, handshakeMs, () => {});
}
