import http, { type RequestListener, type Server } from 'node:http';
import https from 'node:https';
import type { Application } from 'express';
import { inheritedSockets, listenArguments } from '../process/systemd/inherited-sockets.js';
import { ProductionizeError, quote } from '../support/errors.js';
import { constructorsOf } from './fast-path/constructors.js';
import { keepAliveTimeout } from './fast-path/index.js';
import { attachedTo } from './report.js';

/** Options of {@link createServer}: those of Node's server, and TLS where the app speaks https itself. */
export interface ServerOptions extends http.ServerOptions {
  /** Options of `https.createServer`; makes the server an https server. @default none, plain http */
  readonly tls?: https.ServerOptions;
}

/**
 * Creates a server whose requests and responses are constructed with the app's own prototypes. Express sets these on
 * every request anyway; where they are there already, V8 keeps its fast paths. The constructors also declare what
 * Express adds to the objects later, so that each keeps one hidden class. `keepAliveTimeout` is 65 s.
 *
 * The app's `request` and `response` objects become the prototypes of two classes that extend Node's, with all that
 * was on them. Anything else, `instanceof` included, is as before.
 *
 * @throws ProductionizeError when `app` is no Express app.
 * @example
 * createServer(app).listen(3000)
 */
export function createServer(app: Application, { tls, ...options }: ServerOptions = {}): Server {
  if (typeof app !== 'function' || typeof (app as { handle?: unknown }).handle !== 'function') {
    throw new ProductionizeError(
      'ERR_PRODUCTIONIZE_APP',
      `createServer: expected an Express app, got ${quote(app)}. Pass what express() returned.`,
    );
  }
  const settings = { keepAliveTimeout, ...options, ...constructorsOf(app) };
  const listener = app as unknown as RequestListener;
  const server = tls
    ? https.createServer({ ...settings, ...tls }, listener)
    : http.createServer(settings, listener);
  if (inheritedSockets().length > 0) listenOnInherited(server);
  attachedTo(app)?.adopt?.(server);
  // also where it equals the default of Node, which the fast path raises
  if (options.keepAliveTimeout !== undefined) server.keepAliveTimeout = options.keepAliveTimeout;
  return server;
}

/** Under socket activation the port is open already, and not this process's to open. */
function listenOnInherited(server: Server): void {
  const { listen } = server;
  server.listen = function listenOnInheritedSocket(this: Server, ...args: unknown[]) {
    return (listen as (...args: unknown[]) => Server).apply(this, listenArguments(args));
  };
}
