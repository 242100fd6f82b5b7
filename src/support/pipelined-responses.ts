import type { ServerResponse } from 'node:http';
import { Socket } from 'node:net';
import { waitingResponsesKey } from './symbols.js';

type Pipelined = Socket & { [waitingResponsesKey]?: Set<ServerResponse> };

/**
 * Ensures that a pipelined response emits `close` with its connection. Node closes only the response that has the
 * socket. The responses that wait for earlier ones would never emit `close`.
 */
export function closeWithConnection(res: ServerResponse): void {
  const socket: Pipelined | null = res.req.socket;
  if (!(socket instanceof Socket)) return;
  if (socket[waitingResponsesKey] === undefined) {
    const waiting = new Set<ServerResponse>();
    socket[waitingResponsesKey] = waiting;
    socket.once('close', () => {
      const left = [...waiting].filter((one) => one.socket === null && !one.writableFinished);
      for (const one of left) one.destroy();
      // in newer versions of Node, a response without a socket emits `close` when it is destroyed
      setImmediate(() => {
        for (const one of left) if (waiting.has(one)) one.emit('close');
      });
    });
  }
  socket[waitingResponsesKey].add(res);
  res.once('close', forget);
}

function forget(this: ServerResponse): void {
  (this.req.socket as Pipelined | null)?.[waitingResponsesKey]?.delete(this);
}

/** Whether the client has sent another request after that of this response. */
export function isFollowed(res: ServerResponse): boolean {
  const waiting = [...((res.req.socket as Pipelined | null)?.[waitingResponsesKey] ?? [])];
  return waiting.length > 0 && waiting.at(-1) !== res;
}
