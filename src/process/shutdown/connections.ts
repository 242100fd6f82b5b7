import type { Server } from 'node:http';
import type { ServerHttp2Session } from 'node:http2';
import type { Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { attachShared } from '../../support/attachment.js';
import { connectionsKey } from '../../support/symbols.js';

/** Milliseconds in which a new connection is expected to send its first request. */
export const newMs = 250;

interface Opened {
  /** Bytes read and written before HTTP began, such as those of the TLS handshake. */
  readonly read: number;
  readonly written: number;
  /** The time of opening, on the clock of `performance.now()`. */
  readonly at: number;
}

/** The state of a connection during a drain. */
export type ConnectionState =
  /** It is no longer an HTTP connection; a WebSocket is one example. */
  | 'upgraded'
  /** Its last bytes are being sent. */
  | 'closing'
  /** It was opened less than `newMs` ago, and its first request is expected. */
  | 'new'
  /** It never sent a request. Load balancers open connections in advance. */
  | 'unused'
  /** It has sent a request, or a part of one. */
  | 'active';

export class Connections {
  readonly sockets = new Map<Socket, Opened>();
  readonly sessions = new Set<ServerHttp2Session>();
  readonly #server: Server;
  readonly #event: string;

  private constructor(server: Server) {
    this.#server = server;
    this.#event = 'setSecureContext' in server ? 'secureConnection' : 'connection';
  }

  /** Starts to track the connections of a server. Returns its undo. */
  static watch(server: Server): () => void {
    const carrier = server as Server & { [connectionsKey]?: Connections };
    carrier[connectionsKey] ??= new Connections(server);
    const connections = carrier[connectionsKey];
    return attachShared(connections, 'listening', () => {
      connections.#attach();
      return () => connections.#detach();
    });
  }

  static of(server: Server): Connections | undefined {
    return (server as Server & { [connectionsKey]?: Connections })[connectionsKey];
  }

  #detach(): void {
    this.#server.off(this.#event, this.#opened);
    this.#server.off('session', this.#started);
    delete (this.#server as { [connectionsKey]?: Connections })[connectionsKey];
  }

  #attach(): void {
    this.#server.on(this.#event, this.#opened);
    this.#server.on('session', this.#started);
  }

  readonly #opened = (socket: Socket): void => {
    this.sockets.set(socket, {
      read: socket.bytesRead,
      written: socket.bytesWritten,
      at: performance.now(),
    });
    socket.on('close', this.#closed);
  };

  readonly #closed = (() => {
    const { sockets } = this;
    return function forget(this: Socket): void {
      sockets.delete(this);
    };
  })();

  readonly #started = (session: ServerHttp2Session): void => {
    this.sessions.add(session);
    session.once('close', () => this.sessions.delete(session));
  };

  /** A sum of the bytes read and the times of opening. It changes when a client sends data or connects. */
  get activity(): number {
    let sum = 0;
    // a connection from another process may be a socket without `bytesRead`
    for (const [socket, { at }] of this.sockets) sum += (socket.bytesRead ?? 0) + at;
    return sum;
  }

  #isHttp1(socket: Socket): boolean {
    // on Node 20 and 22, a server of HTTP/2 over TLS has the methods of an HTTP/1 server, too
    return 'closeIdleConnections' in this.#server && (socket as Partial<TLSSocket>).alpnProtocol !== 'h2';
  }

  state(socket: Socket): ConnectionState {
    const opened = this.sockets.get(socket);
    // Node removes the parser after an upgrade; connections of HTTP/2 are tracked by their sessions
    if ((socket as { parser?: unknown }).parser == null) return this.#isHttp1(socket) ? 'upgraded' : 'unused';
    if (socket.writableEnded) return 'closing';
    if (opened === undefined || socket.bytesRead > opened.read) return 'active';
    return performance.now() - opened.at < newMs ? 'new' : 'unused';
  }

  *inState(...states: ConnectionState[]): Generator<Socket> {
    for (const socket of this.sockets.keys()) {
      if (!socket.destroyed && states.includes(this.state(socket))) yield socket;
    }
  }

  /** Upgraded connections without a response, because the app has not accepted the handshake yet. */
  handshakes(): Socket[] {
    return [...this.inState('upgraded')].filter(
      (socket) => socket.bytesWritten === this.sockets.get(socket)?.written,
    );
  }
}
