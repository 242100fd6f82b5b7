import type { IncomingMessage, ServerResponse } from 'node:http';
import type { ServerHttp2Stream } from 'node:http2';

/** Returns the stream of a request and its response over HTTP/2. */
export function streamOf({ req }: Pick<ServerResponse, 'req'>): ServerHttp2Stream | undefined {
  return req.httpVersionMajor >= 2
    ? (req as IncomingMessage & { stream?: ServerHttp2Stream }).stream
    : undefined;
}

/** Whether no client waits for a response any more. Over HTTP/2, only the stream shows it. */
export function isClosed(res: ServerResponse): boolean {
  return res.closed || res.destroyed || streamOf(res)?.closed === true;
}

/**
 * Whether a request arrived on a connection of a server, which also created its response. Adapters for serverless
 * functions create both without a server.
 */
export function hasConnection(req: IncomingMessage): boolean {
  if (req.httpVersionMajor >= 2) return true;
  const server = (req.socket as { server?: object | null } | undefined)?.server;
  return server !== undefined && server !== null;
}

const sentKey = Symbol('sent');

type Watched = ServerResponse & { [sentKey]?: boolean };

/** Before Node 24, a response emits `finish` on a destroyed connection, too, and `writableFinished` is then true. */
const finishesUnsent = Number.parseInt(process.versions.node, 10) < 24;

/** Prepares {@link isSent}. Called when a request arrives. */
export function watchSending(res: ServerResponse): void {
  if (!finishesUnsent || streamOf(res) !== undefined) return;
  if (res.writableEnded && res.socket) notePassed.call(res);
  else res.on('prefinish', notePassed);
}

/** Called when the whole response was passed to the socket. A short one was then passed to the operating system, too. */
function notePassed(this: Watched): void {
  const { socket } = this;
  if (socket === null || !(socket.writableLength > 0)) this[sentKey] = socket?.destroyed !== true;
  else this.prependListener('finish', noteFinished);
}

function noteFinished(this: Watched): void {
  this[sentKey] = !this.req.socket.destroyed;
}

/** Whether the operating system has received the whole response, so that the client can receive all of it. */
export function isSent(res: ServerResponse): boolean {
  const stream = streamOf(res);
  // Node ends a stream that was reset, so that it finishes
  if (stream !== undefined) return stream.writableFinished && !stream.aborted;
  if (!hasConnection(res.req)) return res.writableEnded;
  return finishesUnsent ? ((res as Watched)[sentKey] ?? false) : res.writableFinished;
}
