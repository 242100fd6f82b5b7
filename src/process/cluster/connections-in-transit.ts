import type { ChildProcess } from 'node:child_process';
import type { Worker } from 'node:cluster';

interface ClusterMessage {
  readonly cmd?: string;
  readonly act?: string;
  readonly seq?: number;
  readonly ack?: number;
}

/**
 * Saves the connections that were sent to a worker when it died. Node's primary sends an accepted connection to a
 * worker and waits for an acknowledgement. When the worker is killed before it acknowledges, Node never closes the
 * socket, and the client waits forever. This module emits the acknowledgement "not accepted", so that Node passes the
 * connection to the next worker. A worker acknowledges before it reads, so no request is served twice.
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
      // without another worker, the connection is closed so that its client does not wait
      if (othersServe()) child.emit('internalMessage', { cmd: 'NODE_CLUSTER', ack: seq, accepted: false });
      else handle.close?.();
    }
    sent.clear();
  };
  worker.once('disconnect', save);
  // a channel that waits for an acknowledgement closes without the event `disconnect`
  worker.once('exit', () => {
    if (!worker.isConnected()) save();
  });
}
