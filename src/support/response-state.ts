import type { IncomingMessage, ServerResponse } from 'node:http';
import type { ServerHttp2Stream } from 'node:http2';
import type { Socket } from 'node:net';

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

/** Fails a write to a response whose `end` was called, as Node does. Returns the result of the write. */
export function failWrite(callback: ((error: Error) => void) | undefined): false {
  const error = Object.assign(new Error('write after end'), { code: 'ERR_STREAM_WRITE_AFTER_END' });
  if (callback) process.nextTick(callback, error);
  return false;
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

const writtenKey = Symbol('written');

/** Fields of Node that no method returns. */
interface Announced {
  /** The head, as it was sent. */
  readonly _header?: string | null;
  /** The length that the head announces. */
  readonly _contentLength?: number | null;
  /** False for a response to HEAD, and for a status without a body. */
  readonly _hasBody?: boolean;
}

type Counted = Socket & { [writtenKey]?: number; readonly _httpMessage?: ServerResponse | null };

/**
 * How many bytes a sent response over HTTP/1 lacks of its `Content-Length`, for which its client waits. Called once for
 * each response, when it closes: the connection has then sent these bytes since the last call. It may have sent more, such
 * as a response that was not counted, so that a short response is not noticed then.
 */
export function missingBytes(res: ServerResponse): number {
  const { req } = res;
  if (req.httpVersionMajor >= 2 || !hasConnection(req)) return 0;
  const socket: Counted = req.socket;
  const { bytesWritten } = socket;
  const before = socket[writtenKey] ?? 0;
  // a pipelined response may have begun, and its bytes must not be missing from its own count
  if (socket._httpMessage == null) socket[writtenKey] = bytesWritten;
  const { _header: head, _contentLength: length, _hasBody: hasBody } = res as Announced;
  if (!hasBody || !head || !length) return 0;
  const missing = head.length + length - (bytesWritten - before);
  // the socket of another package may count no bytes
  return Number.isNaN(missing) ? 0 : Math.max(missing, 0);
}
