import type { ServerOptions as HttpServerOptions, RequestListener, Server } from 'node:http';
import http from 'node:http';
import type { ServerOptions as HttpsServerOptions } from 'node:https';
import type { Application } from 'express';
import { inheritedSockets, listenArguments } from '../process/systemd/inherited-sockets.js';
import { ProductionizeError, quote } from '../support/errors.js';
import { loadBuiltin } from '../support/node-builtins.js';
import { constructorsOf } from './fast-path/constructors.js';
import { keepAliveTimeout } from './fast-path/server-timeouts.js';
import { attachedTo } from './report.js';

/** Options of {@link createServer}: those of Node's server, and TLS for an app that serves https itself. */
export interface ServerOptions extends HttpServerOptions {
  /** Options of `https.createServer`; makes the server an https server. @default none, plain http */
  readonly tls?: HttpsServerOptions;
}

/**
 * Creates a server whose requests and responses are constructed with the app's own prototypes. Express sets these on
 * every request. When they are set already, V8 can use its fast paths. The constructors also declare the properties
 * that Express adds later, so that each object has one hidden class. `keepAliveTimeout` is 65 s.
 *
 * The app's `request` and `response` objects become the prototypes of two classes that extend Node's. All properties of
 * these objects are preserved. Everything else, `instanceof` included, is unchanged.
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
    ? loadBuiltin('node:https').createServer({ ...settings, ...tls }, listener)
    : http.createServer(settings, listener);
  if (inheritedSockets().length > 0) listenOnInherited(server);
  attachedTo(app)?.adopt?.(server);
  // an explicit value applies even when it equals Node's default, which the fast path raises
  if (options.keepAliveTimeout !== undefined) server.keepAliveTimeout = options.keepAliveTimeout;
  return server;
}

/** Under socket activation the port is already open, so this process must not open it. */
function listenOnInherited(server: Server): void {
  const { listen } = server;
  server.listen = function listenOnInheritedSocket(this: Server, ...args: unknown[]) {
    return (listen as (...args: unknown[]) => Server).apply(this, listenArguments(args));
  };
}
