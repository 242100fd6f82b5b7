import type { ChildProcess } from 'node:child_process';
import type { Worker } from 'node:cluster';

interface ClusterMessage {
  readonly cmd?: string;
  readonly act?: string;
  readonly seq?: number;
  readonly ack?: number;
}

/**
 * Saves the connections that were on their way to a worker when it died. Node's primary sends an accepted connection
 * to a worker and waits for its word; when the worker is killed before, the word never comes, and the client waits for
 * ever on a socket that nobody serves or closes. The word is given for it: not accepted, so that Node hands the
 * connection to the next worker. A worker answers before it reads, so no request is served twice.
 */
export function saveConnectionsInTransit(worker: Worker, othersServe: () => boolean): void {
  const { process: child } = worker;
  const sent = new Map<number, { close?(): void }>();
  const send = child.send as (...args: unknown[]) => boolean;
  (child as { send: typeof send }).send = function sendToWorker(this: ChildProcess, ...args: unknown[]) {
    const { cmd, act, seq } = Object(args[0]) as ClusterMessage;
    if (cmd === 'NODE_CLUSTER' && act === 'newconn' && seq !== undefined && args[1]) {
      sent.set(seq, args[1] as { close?(): void });
    }
    return send.apply(this, args);
  };
  child.on('internalMessage' as never, (message: ClusterMessage) => {
    if (message?.cmd === 'NODE_CLUSTER' && message.ack !== undefined) sent.delete(message.ack);
  });
  const save = (): void => {
    for (const [seq, handle] of sent) {
      // with nobody to take it, a connection that closes tells its client more than one that is silent
      if (othersServe()) child.emit('internalMessage', { cmd: 'NODE_CLUSTER', ack: seq, accepted: false });
      else handle.close?.();
    }
    sent.clear();
  };
  worker.once('disconnect', save);
  // a channel that waits for such a word closes without telling so
  worker.once('exit', () => {
    if (!worker.isConnected()) save();
  });
}
