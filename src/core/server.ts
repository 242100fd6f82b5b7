import http, { IncomingMessage, type RequestListener, type Server, ServerResponse } from 'node:http';
import https from 'node:https';
import type { Application } from 'express';
import { inheritedSockets, listenArguments } from '../process/systemd/inherited-sockets.js';
import { ProductionizeError, quote } from '../support/errors.js';
import { constructorsKey, takesText } from '../support/symbols.js';
import { attachedTo } from './report.js';

/** Options of {@link createServer}: those of Node's server, and TLS where the app speaks https itself. */
export interface ServerOptions extends http.ServerOptions {
  /** Options of `https.createServer`; makes the server an https server. @default none, plain http */
  readonly tls?: https.ServerOptions;
}

/** Load balancers keep idle connections for 60 s; a server that closes first answers their next request with 502. */
const keepAliveTimeout = 65_000;

/** Up to this many bytes, copying a body into the write of its head is cheaper than a second write. */
const maxTextBody = 4096;

type End = (
  this: ServerResponse,
  chunk?: unknown,
  encoding?: unknown,
  callback?: () => void,
) => ServerResponse;

type Constructors = { IncomingMessage: typeof IncomingMessage; ServerResponse: typeof ServerResponse };

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
  return server;
}

interface Prototypes {
  request: object;
  response: object;
  [constructorsKey]?: Constructors;
}

/** Under socket activation the port is open already, and not this process's to open. */
function listenOnInherited(server: Server): void {
  const { listen } = server;
  server.listen = function listenOnInheritedSocket(this: Server, ...args: unknown[]) {
    return (listen as (...args: unknown[]) => Server).apply(this, listenArguments(args));
  };
}

/** The two classes of an app, made on first use. What is put on the app's prototypes later is then put on these. */
export function constructorsOf(app: Application): Constructors {
  const prototypes = app as unknown as Prototypes;
  prototypes[constructorsKey] ??= makeConstructors(prototypes);
  return prototypes[constructorsKey];
}

// the names Express 4 and 5 and their router set on each request; `query` is an accessor in Express 5
type Added = Record<'res' | 'next' | 'baseUrl' | 'originalUrl' | '_parsedUrl' | 'params' | 'route', unknown>;

function makeConstructors(app: Prototypes): Constructors {
  class AppRequest extends IncomingMessage {
    constructor(...args: ConstructorParameters<typeof IncomingMessage>) {
      super(...args);
      const added = this as unknown as Added;
      added.res = undefined;
      added.next = undefined;
      added.baseUrl = undefined;
      added.originalUrl = undefined;
      added._parsedUrl = undefined;
      added.params = undefined;
      added.route = undefined;
    }
  }
  class AppResponse extends ServerResponse {
    constructor(...args: ConstructorParameters<typeof ServerResponse>) {
      super(...args);
      (this as { locals?: unknown }).locals = undefined;
    }
  }
  (AppResponse.prototype as { end: End }).end = Object.assign(endInOneWrite, { [takesText]: true });
  app.request = transplant(app.request, AppRequest.prototype);
  app.response = transplant(app.response, AppResponse.prototype);
  return { IncomingMessage: AppRequest, ServerResponse: AppResponse as unknown as typeof ServerResponse };
}

/** Node writes a head and bytes apart, but a head and text together; latin1 maps each byte to one character. */
const endInOneWrite: End = function end(chunk, encoding, callback) {
  const original = ServerResponse.prototype.end as End;
  const joins = chunk instanceof Buffer && chunk.length <= maxTextBody && encoding === undefined;
  return joins && !this.headersSent
    ? original.call(this, chunk.toString('latin1'), 'latin1', callback)
    : original.call(this, chunk, encoding, callback);
};

/** Moves what stands on an app's `request` or `response` object to the prototype of a class. */
function transplant(from: object, to: object): object {
  Object.defineProperties(to, Object.getOwnPropertyDescriptors(from));
  Object.setPrototypeOf(to, Object.getPrototypeOf(from));
  // sub-apps that are mounted already inherit from the old object, and are to see what is added to the new one
  Object.setPrototypeOf(from, to);
  return to;
}
