import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from 'node:http';
import http from 'node:http';
import type { Socket } from 'node:net';
import { Duplex } from 'node:stream';
import type { Application, Request } from 'express';
import { hopByHop } from '../../support/hop-by-hop.js';

/** The headers that are not copied. They apply to one response or to a cache, and do not select the resource. */
const leftOut = new Set([
  ...hopByHop,
  'cache-control',
  'content-length',
  'expect',
  'if-match',
  'if-modified-since',
  'if-none-match',
  'if-range',
  'if-unmodified-since',
  'pragma',
  'range',
]);

/** A connection without a peer: it discards writes and receives nothing. */
class DetachedSocket extends Duplex {
  readonly remoteAddress: string | undefined;
  readonly remotePort: number | undefined;
  readonly remoteFamily: string | undefined;
  readonly localAddress: string | undefined;
  readonly localPort: number | undefined;
  readonly encrypted: boolean | undefined;
  readonly authorized: boolean | undefined;

  constructor(like: Socket) {
    // Backpressure is off, because only a server forwards the `drain` of a connection to its response.
    super({ writableHighWaterMark: Number.MAX_SAFE_INTEGER });
    this.remoteAddress = like.remoteAddress;
    this.remotePort = like.remotePort;
    this.remoteFamily = like.remoteFamily;
    this.localAddress = like.localAddress;
    this.localPort = like.localPort;
    const { encrypted, authorized } = like as { encrypted?: boolean; authorized?: boolean };
    this.encrypted = encrypted;
    this.authorized = authorized;
  }

  override _read(): void {}

  override _write(_chunk: unknown, _encoding: unknown, done: () => void): void {
    done();
  }

  override _writev(_chunks: unknown, done: () => void): void {
    done();
  }

  address(): { address?: string | undefined; port?: number | undefined; family?: string | undefined } {
    return { address: this.localAddress, port: this.localPort, family: this.remoteFamily };
  }

  getPeerCertificate(): object {
    return {};
  }

  destroySoon(): void {
    this.end(() => this.destroy());
  }

  setTimeout(): this {
    return this;
  }

  setNoDelay(): this {
    return this;
  }

  setKeepAlive(): this {
    return this;
  }

  ref(): this {
    return this;
  }

  unref(): this {
    return this;
  }
}

/** A copy of a request without a client: the same URL, headers, cookies and addresses. */
export function detachedRequest(like: IncomingMessage): IncomingMessage {
  const req = new http.IncomingMessage(new DetachedSocket(like.socket) as unknown as Socket);
  req.method = 'GET';
  req.url = (like as Request).originalUrl ?? like.url;
  req.httpVersion = '1.1';
  req.httpVersionMajor = 1;
  req.httpVersionMinor = 1;
  req.headers = headersLike(like.headers);
  req.rawHeaders = Object.entries(req.headers).flatMap(([name, value]) => [name, String(value)]);
  req.complete = true;
  req.push(null);
  return req;
}

/**
 * Passes a detached request to the whole app, as if it had arrived on a connection. `onEnd` is called when the response
 * is complete, or after `limitMs`. This function does not throw.
 */
export function runDetached(
  app: Application,
  req: IncomingMessage,
  limitMs: number,
  onEnd: () => void,
): void {
  const { socket } = req;
  const res = new http.ServerResponse(req);
  res.assignSocket(socket);
  const timer = setTimeout(() => socket.destroy(), limitMs).unref();
  res.once('finish', () => socket.destroy());
  // A handler may destroy the connection with an error.
  socket.on('error', () => {});
  res.on('error', () => {});
  socket.once('close', () => {
    clearTimeout(timer);
    onEnd();
  });
  try {
    (app as unknown as (req: IncomingMessage, res: ServerResponse) => void)(req, res);
  } catch {
    socket.destroy();
  }
}

function headersLike(headers: IncomingHttpHeaders): IncomingHttpHeaders {
  const copy: IncomingHttpHeaders = {};
  for (const [name, value] of Object.entries(headers)) {
    if (!leftOut.has(name) && !name.startsWith(':')) copy[name] = value;
  }
  copy.host ??= headers[':authority'] as string | undefined;
  return copy;
}
