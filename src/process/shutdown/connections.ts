import type { Server } from 'node:http';
import type { ServerHttp2Session } from 'node:http2';
import type { Socket } from 'node:net';
import { type TLSSocket, Server as TlsServer } from 'node:tls';
import { attachShared } from '../../support/attachment.js';
import { connectionsKey } from '../../support/symbols.js';

/** Milliseconds in which a new connection is expected to send its first request. */
export const freshMs = 250;

interface Opened {
  /** Bytes read and written before HTTP began: the handshake of TLS. */
  readonly read: number;
  readonly written: number;
  /** On the clock of `performance.now()`. */
  readonly at: number;
}

/** What a connection means to a drain. */
export type Standing =
  /** It left HTTP, as a WebSocket does. */
  | 'upgraded'
  /** Its last bytes are on their way out. */
  | 'leaving'
  /** Its first request is to be expected. */
  | 'fresh'
  /** It was opened ahead, as balancers do, and never used. */
  | 'unused'
  /** It is between two requests, or in the middle of one. */
  | 'spoken';

/** The open connections of one server. */
export class Connections {
  readonly sockets = new Map<Socket, Opened>();
  readonly sessions = new Set<ServerHttp2Session>();
  readonly #server: Server;
  readonly #event: string;

  private constructor(server: Server) {
    this.#server = server;
    this.#event = server instanceof TlsServer ? 'secureConnection' : 'connection';
  }

  /** Watches the connections of a server from now on. Returns the undo. */
  static watch(server: Server): () => void {
    const carrier = server as Server & { [connectionsKey]?: Connections };
    carrier[connectionsKey] ??= new Connections(server);
    const connections = carrier[connectionsKey];
    return attachShared(connections, 'listening', () => {
      connections.#attach();
      return () => connections.#detach();
    });
  }

  /** The connections of a server that somebody watches. */
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

  /** Bytes read and connections opened so far: it changes while anybody speaks. */
  get activity(): number {
    let sum = 0;
    // what is handed over from another process need not be a socket that counts
    for (const [socket, { at }] of this.sockets) sum += (socket.bytesRead ?? 0) + at;
    return sum;
  }

  #isHttp1(socket: Socket): boolean {
    // a server of HTTP/2 over TLS has the methods of HTTP/1, too, on some Nodes
    return 'closeIdleConnections' in this.#server && (socket as Partial<TLSSocket>).alpnProtocol !== 'h2';
  }

  standing(socket: Socket): Standing {
    const opened = this.sockets.get(socket);
    // Node removes its parser from a connection that leaves HTTP/1; one of HTTP/2 is counted by its session
    if ((socket as { parser?: unknown }).parser == null) return this.#isHttp1(socket) ? 'upgraded' : 'unused';
    if (socket.writableEnded) return 'leaving';
    if (opened === undefined || socket.bytesRead > opened.read) return 'spoken';
    return performance.now() - opened.at < freshMs ? 'fresh' : 'unused';
  }

  /** The connections that stand in a certain way. */
  *those(...standings: Standing[]): Generator<Socket> {
    for (const socket of this.sockets.keys()) {
      if (!socket.destroyed && standings.includes(this.standing(socket))) yield socket;
    }
  }

  /** Upgraded connections without any response: the app still decides about the handshake. */
  handshakes(): Socket[] {
    return [...this.those('upgraded')].filter(
      (socket) => socket.bytesWritten === this.sockets.get(socket)?.written,
    );
  }
}
