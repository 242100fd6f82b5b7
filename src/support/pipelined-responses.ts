import type { ServerResponse } from 'node:http';
import { Socket } from 'node:net';
import type { Application, Express } from 'express';
import { once } from './attachment.js';
import { wrapMethod } from './replace-method.js';
import { hasConnection, isClosed } from './response-state.js';
import { detachSocketKey, waitingResponsesKey } from './symbols.js';

type Pipelined = Socket & { [waitingResponsesKey]?: Set<ServerResponse> };

/**
 * Calls a listener once, when a response closes, or soon if it is closed already. On a connection, Node closes only the
 * response that has the socket, so the pipelined responses that wait for it are closed here. A response that was not
 * constructed by a server, such as that to an upgrade or that of an adapter for serverless functions, may emit only
 * `finish`.
 */
export function onceClosed(res: ServerResponse, listener: (this: ServerResponse) => void): void {
  const { req } = res;
  const isConnected = hasConnection(req);
  if (isClosed(res)) setImmediate(() => listener.call(res));
  else if (isConnected && !(req as { upgrade?: boolean }).upgrade) res.on('close', listener);
  else {
    const end = once(() => listener.call(res));
    // an adapter may emit `finish` inside `end()`, before `writableEnded` is true
    res.on('finish', () => process.nextTick(end)).on('close', end);
  }
  if (isConnected && res.socket === null) closeWithConnection(res);
}

/**
 * Closes each response of an app that has lost its connection to a handler, through `res.detachSocket(socket)`, as soon as
 * the connection closes. Node never closes such a response. The method is replaced on the app's own prototype of
 * responses. Returns its undo.
 */
export function closeDetachedResponses(app: Application | undefined): () => void {
  const prototype = (app as Express | undefined)?.response as Record<symbol, boolean> | undefined;
  // responses over HTTP/2 have no such method
  if (prototype === undefined || prototype[detachSocketKey] || !('detachSocket' in prototype))
    return () => {};
  const undo = wrapMethod<ServerResponse['detachSocket']>(prototype, 'detachSocket', (original) => {
    return function detachSocket(this: ServerResponse, socket) {
      original.call(this, socket);
      // Node detaches each response that has ended
      if (!this.writableEnded) closeWithConnection(this);
    };
  });
  Object.defineProperty(prototype, detachSocketKey, { value: true, configurable: true });
  return () => {
    delete prototype[detachSocketKey];
    undo();
  };
}

function closeWithConnection(res: ServerResponse): void {
  const socket: Pipelined = res.req.socket;
  if (!(socket instanceof Socket)) return;
  if (socket.closed) {
    setImmediate(() => res.closed || res.emit('close'));
    return;
  }
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
