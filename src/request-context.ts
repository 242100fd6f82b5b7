import { AsyncLocalStorage } from 'node:async_hooks';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Application, NextFunction, Request, RequestHandler, Response } from 'express';
import type { Logger } from 'pino';
import { installAccessors } from './context/request-accessors.js';
import { newRequestId, validRequestId } from './context/request-id.js';
import { withNames } from './context/route-pattern.js';
import { parseTraceparent, type TraceContext } from './context/trace-context.js';
import { checkOptions, isBoolean, isEither, isFunction, isOneOf, isString } from './options.js';
import { processWide } from './support/process-wide.js';

declare global {
  namespace Express {
    interface Request {
      /** The request id: the one a trusted proxy sent, else one of our own. */
      id: string;
      /** A logger that carries the request id; made when first read. */
      log: Logger;
      /** Aborts when the client goes away before the answer is complete; never after a complete answer. */
      readonly signal: AbortSignal;
    }
  }
}

/** Options of {@link requestContext}. */
export interface RequestContextOptions {
  /**
   * Name of the header that carries the request id, in and out; `false` neither reads nor sends it.
   * @default 'x-request-id'
   */
  readonly requestIdHeader?: string | false;
  /**
   * Whether an incoming request id is believed. By default it is when the next hop is trusted by the app's
   * `trust proxy` setting.
   * @default the app's `trust proxy`
   */
  readonly trustRequestId?: boolean | ((req: IncomingMessage) => boolean);
}

/** The resolved options every context of one app shares. */
export interface ContextSettings {
  readonly header: string | false;
  readonly trust: boolean | ((req: IncomingMessage) => boolean) | undefined;
}

// registered, so that two copies of the package share it
const contextKey = Symbol.for('express-productionize.context');

const storage = processWide('request-storage', () => new AsyncLocalStorage<RequestContext>());

type Carrier = { [contextKey]?: RequestContext };

/** What is known of one request, from its first byte to the end of its answer. */
export class RequestContext {
  readonly req: IncomingMessage;
  readonly res: ServerResponse;
  /** Milliseconds on the clock of `performance.now()`. */
  readonly startedAt: number = performance.now();
  readonly method: string;
  /** The URL as the client sent it, whatever routers did to `req.url` since. */
  readonly url: string;
  /** True once something failed; `error` may be any value, `undefined` included. */
  failed = false;
  /** The first error of this request, as it was thrown. */
  error: unknown = undefined;
  /** The call of the handler that runs, where the app's layers are observed. */
  call: { readonly next: (error?: unknown) => void } | undefined = undefined;
  /** Hears of handlers that end without an answer; set where the app's layers are observed. */
  onSilence: ((res: ServerResponse) => void) | undefined = undefined;
  /** The name of the handler that ran last, where the app's layers are observed. */
  handlerName: string | undefined = undefined;
  /** True inside the pipeline of a productionized app. */
  productionized = false;
  /** Called when the response closes, where the pipeline listens for that already: one listener is cheaper than two. */
  onClose: ((context: RequestContext) => void) | undefined = undefined;
  /** The logger children are made from; set by the request logger. */
  logger: Logger | undefined = undefined;
  /** The base path and route that matched, noted before routers restore them. */
  matchedBase: string | undefined = undefined;
  matchedPath: unknown = undefined;
  /** Values of parameters in mount paths, by name. */
  mountParams: Record<string, string> | undefined = undefined;

  #settings: ContextSettings;
  #app: Application | undefined;
  #id: string | undefined = undefined;
  #log: Logger | undefined = undefined;
  #abort: AbortController | undefined = undefined;
  #trace: TraceContext | null | undefined = undefined;

  constructor(req: IncomingMessage, res: ServerResponse, settings: ContextSettings, app?: Application) {
    this.req = req;
    this.res = res;
    this.method = req.method ?? 'GET';
    this.url = (req as Request).originalUrl ?? req.url ?? '/';
    this.#settings = settings;
    this.#app = app;
  }

  /** The request id: the one a trusted hop sent, when it is well formed, else one of our own. */
  get id(): string {
    this.#id ??= this.#incomingId() ?? newRequestId();
    return this.#id;
  }

  #incomingId(): string | undefined {
    const { header, trust } = this.#settings;
    if (header === false) return undefined;
    const sent = this.req.headers[header];
    if (typeof sent !== 'string' || !validRequestId(sent)) return undefined;
    const trusted =
      typeof trust === 'function' ? trust(this.req) : (trust ?? hopIsTrusted(this.req, this.#app));
    return trusted === true ? sent : undefined;
  }

  /** The `next` of the handler that runs, where the app's layers are observed. */
  get next(): ((error?: unknown) => void) | undefined {
    return this.call?.next;
  }

  /** The route pattern, such as `/users/:id`, once a route has matched. */
  get route(): string | undefined {
    const { baseUrl, route } = this.req as Request;
    const path = this.matchedPath ?? route?.path;
    if (path === undefined) return undefined;
    const base = withNames(this.matchedBase ?? baseUrl ?? '', this.mountParams);
    const tail = Array.isArray(path) ? path.join('|') : String(path);
    return tail === '/' && base !== '' ? base : base + tail;
  }

  /** The W3C trace context of a valid `traceparent` header, else `undefined`. */
  get trace(): TraceContext | undefined {
    if (this.#trace === undefined) this.#trace = parseTraceparent(this.req.headers.traceparent) ?? null;
    return this.#trace ?? undefined;
  }

  /** A logger that carries the request id, and the trace ids where there are any. */
  get log(): Logger | undefined {
    if (this.#log === undefined && this.logger !== undefined) {
      const bindings: Record<string, string> = { reqId: this.id };
      if (this.trace) {
        bindings.trace_id = this.trace.traceId;
        bindings.span_id = this.trace.spanId;
      }
      this.#log = this.logger.child(bindings);
    }
    return this.#log;
  }

  /** Aborts when the response closes before it was completely handed over. */
  get signal(): AbortSignal {
    if (this.#abort === undefined) {
      const abort = new AbortController();
      this.#abort = abort;
      const { res } = this;
      const left = () => {
        if (!res.writableFinished) abort.abort(new DOMException('The client went away', 'AbortError'));
      };
      if (res.closed) left();
      else res.once('close', left);
    }
    return this.#abort.signal;
  }

  /** Aborts `signal` though the client is still there, as at a deadline. */
  abort(reason: unknown): void {
    void this.signal;
    this.#abort?.abort(reason);
  }

  /** Notes the first error; later ones are usually the handlers' own. */
  fail(error: unknown): void {
    if (this.failed) return;
    this.failed = true;
    this.error = error;
  }
}

function hopIsTrusted(req: IncomingMessage, app = (req as Request).app): boolean {
  const trust: unknown = app?.get('trust proxy fn');
  return typeof trust === 'function' && trust(req.socket?.remoteAddress, 0) === true;
}

/** The context of a request object, if it has entered one. */
export function contextOf(req: IncomingMessage): RequestContext | undefined {
  return (req as Carrier)[contextKey];
}

/**
 * The request that is being served where this is called, in any function behind an `await`, a timer or a
 * callback; `undefined` outside requests.
 *
 * @example
 * currentRequest()?.log?.info('charged the card')
 */
export function currentRequest(): RequestContext | undefined {
  return storage.getStore();
}

/** Checks the options of {@link requestContext} and fills in the defaults. */
export function resolveContext(options?: RequestContextOptions): ContextSettings {
  const { requestIdHeader = 'x-request-id', trustRequestId } = checkOptions('requestContext', options, {
    requestIdHeader: isEither(isString, isOneOf(false)),
    trustRequestId: isEither(isBoolean, isFunction),
  });
  const header = requestIdHeader === false ? false : requestIdHeader.toLowerCase();
  return { header, trust: trustRequestId };
}

/** Starts the context of a request and sends its id back. */
export function startContext(
  req: IncomingMessage,
  res: ServerResponse,
  settings: ContextSettings,
  app?: Application,
): RequestContext {
  const context = new RequestContext(req, res, settings, app);
  (req as Carrier)[contextKey] = context;
  if (settings.header && !res.headersSent) res.setHeader(settings.header, context.id);
  return context;
}

/** Runs a function inside a context: `currentRequest()` names it there and in all that follows from there. */
export function runInContext<Args extends unknown[]>(
  context: RequestContext,
  fn: (...args: Args) => void,
  ...args: Args
): void {
  storage.run(context, fn, ...args);
}

/** Binds a listener to a context; request events such as `end` lose it on every Node version. */
export function bindToContext<Args extends unknown[]>(
  context: RequestContext,
  listener: (...args: Args) => void,
): (...args: Args) => void {
  return (...args) => storage.run(context, listener, ...args);
}

/**
 * Middleware that gives each request an id, an abort signal and a place in AsyncLocalStorage, so that
 * {@link currentRequest} works anywhere behind it. The id comes from a trusted hop when it is well formed
 * (1 to 128 characters of `[\w.:-]`), else it is made here; it is sent back either way.
 *
 * @throws ProductionizeError when an option is wrong.
 * @example
 * app.use(requestContext())
 * app.get('/', async (req, res) => res.json(await fetch(upstream, { signal: req.signal })))
 */
export function requestContext(options?: RequestContextOptions): RequestHandler {
  const settings = resolveContext(options);
  return function requestContextMiddleware(req: Request, res: Response, next: NextFunction) {
    enterContext(req, res, settings, next);
  };
}

/** Enters a context unless the request is in one already, then goes on. For parts used alone. */
export function enterContext(
  req: Request,
  res: Response,
  settings: ContextSettings,
  next: NextFunction,
): void {
  if (contextOf(req)) {
    next();
    return;
  }
  installAccessors(req.app);
  runInContext(startContext(req, res, settings, req.app), () => next());
}
