import cluster, { type Worker } from 'node:cluster';
import { inheritedSockets, workerSocketsVariable } from '../systemd/inherited-sockets.js';

/**
 * The environment variables with which workers listen on the sockets that this process inherited. Node looks up the
 * descriptor of a worker's `listen` in the primary, which still owns it
 * (https://nodejs.org/api/cluster.html#how-it-works).
 */
export function socketsForWorkers(): Record<string, string> {
  const sockets = inheritedSockets();
  return sockets.length === 0 ? {} : { [workerSocketsVariable]: JSON.stringify(sockets) };
}

/**
 * Calls `onLoss` when an inherited socket is closed. Node closes the descriptor when the last worker that listened on
 * it exits, and this process cannot open it again. The service manager still has the socket and passes it to the next
 * process.
 */
export function watchInheritedSockets(onLoss: () => void): void {
  if (inheritedSockets().length === 0) return;
  const listening = new Set<Worker>();
  cluster.on('listening', (worker) => listening.add(worker));
  const gone = (worker: Worker): void => {
    if (listening.delete(worker) && listening.size === 0) onLoss();
  };
  cluster.on('disconnect', gone);
  cluster.on('exit', gone);
}
