import { randomInt } from 'node:crypto';
import type { OutgoingHttpHeaders, ServerResponse } from 'node:http';
import { isFollowed } from './pipelined-responses.js';

type Headers = OutgoingHttpHeaders | readonly unknown[];
type WriteHead = (this: ServerResponse, status: number, ...rest: unknown[]) => ServerResponse;
type Write = (this: ServerResponse, ...args: unknown[]) => boolean;
type Writable = Omit<ServerResponse, 'writeHead' | 'write'> & { writeHead: WriteHead; write: Write };

/** Clients of an event stream come back after a time of their own between these, in milliseconds. */
const retryMs = [1000, 5000] as const;

/**
 * Lets the connection of an answer end with it (RFC 9112, 9.6), whichever way its head is written: with headers set
 * before, given to `writeHead`, or copied from an upstream that keeps its own connection alive.
 */
export function closeAfterAnswer(res: ServerResponse): void {
  // HTTP/2 knows no Connection header: its sessions are told to go
  if (res.headersSent || 'stream' in res) return;
  res.setHeader('Connection', 'close');
  const response = res as unknown as Writable;
  const { writeHead } = response;
  response.writeHead = function writeHeadAndClose(status, ...rest) {
    if (status < 200) return writeHead.call(this, status, ...rest);
    // requests that the client has sent behind this one are answered first
    if (this.headersSent) return writeHead.call(this, status, ...rest);
    if (isFollowed(this as ServerResponse)) this.removeHeader('Connection');
    else this.setHeader('Connection', 'close');
    return writeHead.call(this, status, ...rest.map(withoutConnection));
  };
  hintAtFirstWrite(response);
}

function withoutConnection(arg: unknown): unknown {
  if (typeof arg !== 'object' || arg === null) return arg;
  const headers = arg as Headers;
  const isConnection = (name: unknown) => String(name).toLowerCase() === 'connection';
  if (!Array.isArray(headers)) {
    const entries = Object.entries(headers as OutgoingHttpHeaders);
    return entries.some(([name]) => isConnection(name))
      ? Object.fromEntries(entries.filter(([name]) => !isConnection(name)))
      : headers;
  }
  if (Array.isArray(headers[0])) return headers.filter((pair) => !isConnection((pair as unknown[])[0]));
  return headers.filter((_, i) => !isConnection(headers[i - (i % 2)]));
}

/** A stream that starts while the process leaves begins with when to come back. */
function hintAtFirstWrite(response: Writable): void {
  const own = Object.hasOwn(response, 'write') ? response.write : undefined;
  response.write = function writeWithHint(...args) {
    if (own) response.write = own;
    else delete (this as { write?: unknown }).write;
    if (isEventStream(this)) this.write(retryHint());
    return response.write(...args);
  };
}

/** Whether an answer is a stream of server-sent events. */
export function isEventStream(res: ServerResponse): boolean {
  const type = res.getHeader('content-type');
  if (type !== undefined) return /^text\/event-stream/i.test(String(type));
  // headers given to writeHead alone are in the written head only
  const head = (res as { _header?: unknown })._header;
  return typeof head === 'string' && /^content-type: *text\/event-stream/im.test(head);
}

/** Ends a stream of events between two lines; what the app still writes to it is dropped. */
export function endEventStream(res: ServerResponse): void {
  res.on('error', () => {});
  try {
    res.end(retryHint());
  } catch {
    // a hook of the app failed
    res.destroy();
  }
}

function retryHint(): string {
  return `retry: ${randomInt(...retryMs)}\n`;
}
