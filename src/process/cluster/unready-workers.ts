import type { ChildProcess } from 'node:child_process';
import type { ClusterWorker } from './cluster-worker.js';

interface ClusterMessage {
  readonly cmd?: string;
  readonly act?: string;
  readonly key?: string;
  readonly ack?: number;
  readonly accepted?: boolean;
  readonly address?: unknown;
  readonly port?: unknown;
  readonly addressType?: unknown;
  readonly fd?: unknown;
  readonly index?: unknown;
}

/** The begin of the keys by which Node's primary names the servers of a worker. */
const servers = new WeakMap<ClusterWorker, Set<string>>();
let turn = 0;

/**
 * Passes connections for a worker that is not ready to workers that are. Node's primary distributes connections to a
 * worker as soon as it listens, while its health checks may fail, and requests are lost when it is killed as not ready.
 * The other worker acknowledges in place of the first one. Where no other worker is ready, the connection is not
 * redirected.
 */
export function redirectUntilReady(worker: ClusterWorker, ready: () => readonly ClusterWorker[]): void {
  const own = new Set<string>();
  servers.set(worker, own);
  const child = worker.handle.process;
  child.on('internalMessage' as never, (message: ClusterMessage) => {
    if (message?.cmd !== 'NODE_CLUSTER') return;
    const { act, address, port, addressType, fd, index } = message;
    if (act === 'queryServer') own.add(`${address}:${port}:${addressType}:${fd}:${index}`);
    // it closes a server: it must not receive the same connection again
    if (message.ack !== undefined && message.accepted === false) own.clear();
  });
  const send = child.send as (...args: unknown[]) => boolean;
  (child as { send: typeof send }).send = function sendToWorker(this: ChildProcess, ...args: unknown[]) {
    const { cmd, act, key } = Object(args[0]) as ClusterMessage;
    if (!worker.wasReady && cmd === 'NODE_CLUSTER' && act === 'newconn' && key !== undefined) {
      const others = ready().filter((other) => other !== worker && serves(other, key));
      const other = others[turn++ % others.length];
      if (other) return (other.handle.process.send as typeof send).apply(other.handle.process, args);
    }
    return send.apply(this, args);
  };
}

function serves(worker: ClusterWorker, key: string): boolean {
  if (!worker.handle.isConnected()) return false;
  for (const server of servers.get(worker) ?? []) {
    if (key === server || key.startsWith(`${server}:`)) return true;
  }
  return false;
}
