import { type IncomingHttpHeaders, IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { Duplex } from 'node:stream';
import type { Application, Request } from 'express';
import { hopByHop } from '../../support/hop-by-hop.js';

/** What a request asks of this one response, or of a cache, and not of the resource. */
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

/** A connection without a peer: what is written to it is dropped, and nothing comes. */
class DetachedSocket extends Duplex {
  readonly remoteAddress: string | undefined;
  readonly remotePort: number | undefined;
  readonly remoteFamily: string | undefined;
  readonly localAddress: string | undefined;
  readonly localPort: number | undefined;
  readonly encrypted: boolean | undefined;
  readonly authorized: boolean | undefined;

  constructor(like: Socket) {
    // it is never full: a response waits for the drain of a connection, which only a server passes on
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

/** A request without a client that asks what another one asked: the same URL, headers, cookies and addresses. */
export function detachedRequest(like: IncomingMessage): IncomingMessage {
  const req = new IncomingMessage(new DetachedSocket(like.socket) as unknown as Socket);
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
 * Sends a detached request through a whole app, as if it had come over a connection. `onEnd` is called when its response
 * is complete, or given up after `limitMs`. Throws nothing.
 */
export function runDetached(
  app: Application,
  req: IncomingMessage,
  limitMs: number,
  onEnd: () => void,
): void {
  const { socket } = req;
  const res = new ServerResponse(req);
  res.assignSocket(socket);
  const timer = setTimeout(() => socket.destroy(), limitMs).unref();
  res.once('finish', () => socket.destroy());
  // a handler may end the connection by an error of its own
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

/** The app that a sub-app is mounted in, if any: where a request begins. */
export function outermost(app: Application): Application {
  let outer = app;
  for (let parent = parentOf(outer); parent !== undefined; parent = parentOf(outer)) outer = parent;
  return outer;
}

function parentOf(app: Application): Application | undefined {
  return (app as unknown as { parent?: Application }).parent;
}
