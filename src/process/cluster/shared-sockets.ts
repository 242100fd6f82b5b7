import cluster, { type Worker } from 'node:cluster';
import { inheritedSockets, workerSocketsVariable } from '../systemd/inherited-sockets.js';

/**
 * What workers need to know to listen on the sockets this process inherited: Node looks up the descriptor they name in
 * the primary, which goes on owning it (https://nodejs.org/api/cluster.html#how-it-works).
 */
export function socketsForWorkers(): Record<string, string> {
  const sockets = inheritedSockets();
  return sockets.length === 0 ? {} : { [workerSocketsVariable]: JSON.stringify(sockets) };
}

/**
 * Node closes the descriptor with the last worker that listened on it, and this process cannot open it again. Calls
 * `onLoss` then: the service manager still has the socket, and passes it to the next process.
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
