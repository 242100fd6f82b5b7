import { AsyncLocalStorage } from 'node:async_hooks';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Application, NextFunction, Request, Response } from 'express';
import type { Logger } from 'pino';
import { processWide } from '../process-wide.js';
import { isClosed, isSent, watchSending } from '../response-state.js';
import { read, statusOf } from '../serialize-error.js';
import { contextKey, requestStorageKey } from '../symbols.js';
import { tracksSpans } from './current-span.js';
import { installAccessors } from './request-accessors.js';
import type { RequestContext } from './request-context.js';
import { newRequestId, validRequestId } from './request-id.js';
import { mountPathOf, routePattern } from './route-pattern.js';
import { parseTraceparent, type TraceContext } from './trace-context.js';

/** The resolved options that all contexts of one app share. */
export interface ContextSettings {
  readonly header: string | false;
  readonly trust: boolean | ((req: IncomingMessage) => boolean) | undefined;
}

/** How the layers of an app are observed. */
export interface LayerSettings {
  /** Called for handlers that end without a response. */
  onNoResponse(res: ServerResponse): void;
  /** Whether layers that cannot match a path are passed over. */
  readonly skipsRoutes: boolean;
}

/** The settings of a part that is used alone, without `requestContext` before it. */
export const defaultContextSettings: ContextSettings = { header: 'x-request-id', trust: undefined };

const storage = processWide(requestStorageKey, () => new AsyncLocalStorage<InternalRequestContext>());

type Carrier = { [contextKey]?: InternalRequestContext };

/** The context of a request for the parts: the fields that apps may read, and the state that the parts share. */
export class InternalRequestContext implements RequestContext {
  readonly req: IncomingMessage;
  readonly res: ServerResponse;
  /** Milliseconds on the clock of `performance.now()`. */
  readonly startedAt: number = performance.now();
  readonly method: string;
  /** The URL as the client sent it, even if routers have changed `req.url` since. */
  readonly url: string;
  /** True after the first failure; `error` may be any value, `undefined` included. */
  failed = false;
  /** The first error of this request as it was thrown, or a later one whose cause is the first one. */
  error: unknown = undefined;
  /** Logs an error that occurs after the line of the request was written; set together with that line. */
  onLateError: ((context: InternalRequestContext, error: unknown) => void) | undefined = undefined;
  /** True when the errors of this request are logged as its response closes. */
  logsErrors = false;
  /** The errors that an error handler has logged or printed, because no request logger does. */
  reported: readonly unknown[] | undefined = undefined;
  /** The call of the running handler, if the app's layers are observed. */
  call: { makeNext(): (error?: unknown) => void } | undefined = undefined;
  /** How the app's layers are observed; unset if they are not. */
  layers: LayerSettings | undefined = undefined;
  /** The run of the router that is searching for a layer, if the app's layers are observed. */
  cursor: object | undefined = undefined;
  /** The name of the handler that ran last, if the app's layers are observed. */
  handlerName: string | undefined = undefined;
  /** True inside the pipeline of a productionized app. */
  productionized = false;
  /** Called when the response closes, if the pipeline listens for that already: one listener is cheaper than two. */
  onClose: ((context: InternalRequestContext) => void) | undefined = undefined;
  /** Records the closed response for metrics, after `onClose`. */
  measure: ((context: InternalRequestContext) => void) | undefined = undefined;
  /** Creates this request's logger; set by the logger part or the request logger. */
  logger: { child(fields: Record<string, string>): Logger } | undefined = undefined;
  /** The pattern of the route that matched last, if the app's layers are observed. */
  matchedRoute: string | undefined = undefined;

  #settings: ContextSettings;
  #app: Application | undefined;
  #id: string | undefined = undefined;
  /** The value that the app assigned to `req.id`. */
  #idOfApp: unknown = undefined;
  #log: Logger | undefined = undefined;
  /** The id that the logger carries. */
  #logId: string | undefined = undefined;
  #abort: AbortController | undefined = undefined;
  #trace: TraceContext | null | undefined = undefined;
  #errors: unknown[] | undefined = undefined;

  constructor(req: IncomingMessage, res: ServerResponse, settings: ContextSettings, app?: Application) {
    this.req = req;
    this.res = res;
    this.method = req.method ?? 'GET';
    this.url = (req as Request).originalUrl ?? req.url ?? '/';
    this.#settings = settings;
    this.#app = app;
  }

  /**
   * The request id: the one that the app set, as `req.id` or in the response header, else the one that a trusted hop sent,
   * if it is valid, else a generated one.
   */
  get id(): string {
    if (isId(this.#idOfApp)) return String(this.#idOfApp);
    const { header } = this.#settings;
    const sent = header === false ? undefined : this.res.getHeader(header);
    if (typeof sent === 'string' && sent !== '') this.#id = sent;
    this.#id ??= this.#incomingId() ?? newRequestId();
    return this.#id;
  }

  /** The value of `req.id`, as the app assigned it. */
  get requestId(): unknown {
    return this.#idOfApp ?? this.id;
  }

  /** Called with the value that the app assigned to `req.id`. The response header gets the same id. */
  set requestId(value: unknown) {
    const { header } = this.#settings;
    const isOurs = header !== false && this.res.getHeader(header) === this.#id;
    this.#idOfApp = value;
    const { id } = this;
    if (header !== false && isOurs && !this.res.headersSent && validRequestId(id))
      this.res.setHeader(header, id);
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

  /** A `next` of the running handler, if the app's layers are observed. */
  get next(): ((error?: unknown) => void) | undefined {
    return this.call?.makeNext();
  }

  /** The route pattern, such as `/users/:id`, once a route has matched. */
  get route(): string | undefined {
    const { baseUrl, route } = this.req as Request;
    if (this.matchedRoute !== undefined || route === undefined) return this.matchedRoute;
    const mountPath = this.failed ? mountPathOf(this.url, route.path) : undefined;
    return routePattern(mountPath ?? baseUrl ?? '', route.path);
  }

  /** The W3C trace context of a valid `traceparent` header, else `undefined`. */
  get trace(): TraceContext | undefined {
    if (this.#trace === undefined) this.#trace = parseTraceparent(this.req.headers.traceparent) ?? null;
    return this.#trace ?? undefined;
  }

  /** A logger that carries the request id, and the trace ids if there are any. A mixin adds those of OpenTelemetry. */
  get log(): Logger | undefined {
    const { id } = this;
    if ((this.#log === undefined || this.#logId !== id) && this.logger !== undefined) {
      this.#logId = id;
      const bindings: Record<string, string> = { reqId: id };
      if (this.trace && !tracksSpans()) {
        bindings.trace_id = this.trace.traceId;
        bindings.span_id = this.trace.spanId;
      }
      this.#log = this.logger.child(bindings);
    }
    return this.#log;
  }

  /** Aborts when the response closes before all its data was passed to the operating system. */
  get signal(): AbortSignal {
    if (this.#abort === undefined) {
      const abort = new AbortController();
      this.#abort = abort;
      const { res } = this;
      const onClose = () => {
        if (!isSent(res)) abort.abort(new DOMException('The client disconnected', 'AbortError'));
      };
      if (isClosed(res)) onClose();
      else res.once('close', onClose);
    }
    return this.#abort.signal;
  }

  /** Aborts `signal` while the client is still connected, for example at a deadline. */
  abort(reason: unknown): void {
    void this.signal;
    this.#abort?.abort(reason);
  }

  /** All errors of this request, each once, in the order in which they occurred. */
  get errors(): readonly unknown[] {
    return this.#errors ?? [];
  }

  /**
   * Records an error; `isLogged` means that its own line is written elsewhere. Returns false for an error that is
   * recorded already.
   */
  fail(error: unknown, isLogged = false): boolean {
    if (this.#errors?.includes(error)) return false;
    this.#errors ??= [];
    this.#errors.push(error);
    if (!this.failed) passToPinoHttp(this.res, error);
    // the line of an error contains its causes, so the later error replaces its own cause
    if (!this.failed || read(error, 'cause') === this.error) this.error = error;
    this.failed = true;
    if (!isLogged) this.onLateError?.(this, error);
    return true;
  }
}

function isId(value: unknown): boolean {
  return typeof value === 'number' || (typeof value === 'string' && value !== '');
}

/**
 * pino-http sets a logger on the response, and reads the error of its line from `res.err`. Its message for any error is
 * "request errored", which does not fit a 4xx.
 */
function passToPinoHttp(res: ServerResponse, error: unknown): void {
  const carrier = res as { log?: { child?: unknown }; err?: unknown };
  if (typeof carrier.log?.child === 'function' && (statusOf(error) ?? 500) >= 500) carrier.err ??= error;
}

function hopIsTrusted(req: IncomingMessage, app = (req as Request).app): boolean {
  const trust: unknown = app?.get('trust proxy fn');
  return typeof trust === 'function' && trust(req.socket?.remoteAddress, 0) === true;
}

/** Returns the context of a request object, if there is one. */
export function contextOf(req: IncomingMessage): InternalRequestContext | undefined {
  return (req as Carrier)[contextKey];
}

/** Returns the context of the request during which it is called; `undefined` outside requests. */
export function currentContext(): InternalRequestContext | undefined {
  return storage.getStore();
}

/** Starts the context of a request and sets the response header that contains its id. */
export function startContext(
  req: IncomingMessage,
  res: ServerResponse,
  settings: ContextSettings,
  app?: Application,
): InternalRequestContext {
  const context = new InternalRequestContext(req, res, settings, app);
  (req as Carrier)[contextKey] = context;
  watchSending(res);
  // a middleware that ran before may have set an id
  if (Object.hasOwn(req, 'id')) context.requestId = (req as { id?: unknown }).id;
  if (settings.header && !res.headersSent) res.setHeader(settings.header, context.id);
  return context;
}

/**
 * Runs a function inside a context. `currentRequest()` returns this context in the function and in all asynchronous
 * work that it starts.
 */
export function runInContext<Args extends unknown[]>(
  context: InternalRequestContext,
  fn: (...args: Args) => void,
  ...args: Args
): void {
  storage.run(context, fn, ...args);
}

/** Calls a function outside any request, and returns its result. */
export function runOutsideRequests<Args extends unknown[], Result>(
  fn: (...args: Args) => Result,
  ...args: Args
): Result {
  // a snapshot of the empty state would be an async resource that is never destroyed
  return storage.run(undefined as never, fn, ...args);
}

/** Enters a context unless the request has one already, then calls `next`. For parts that are used alone. */
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
