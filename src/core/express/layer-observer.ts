import { tracingChannel } from 'node:diagnostics_channel';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Application, Request } from 'express';
import { guardHandler, HandlerCall, type Next } from '../../middleware/async-errors/handler-call.js';
import { attachShared } from '../../support/attachment.js';
import { contextOf, type InternalRequestContext } from '../../support/context/context.js';
import { type AnyFunction, type Layer, type Router, routerOf } from '../../support/express-layers.js';
import { wrapMethod } from '../../support/replace-method.js';
import { layersKey } from '../../support/symbols.js';

type HandleRequest = (this: Layer, req: IncomingMessage, res: ServerResponse, next: Next) => void;
type HandleError = (
  this: Layer,
  error: unknown,
  req: IncomingMessage,
  res: ServerResponse,
  next: Next,
) => void;
type ProcessParams = (this: Router, layer: { keys?: { name: string }[] }, ...rest: unknown[]) => unknown;

/** Called after the promise of a handler resolved without a response and without a call of `next`. */
export type OnSilence = (res: ServerResponse) => void;

/** Marks a request as one whose layers are observed. Requests of other apps use Express's own code. */
export function observe(context: InternalRequestContext, onSilence: OnSilence): void {
  context.onSilence = onSilence;
}

/**
 * Observes the layers of the Express copy that made this app. Rejections and throws of handlers, error handlers,
 * `param` callbacks (Express 4) and sub-apps reach the error handler. The context records the route, the handler and
 * the first error.
 *
 * Express 4 offers no other access to a handler's promise, and neither version to its thrown error. This function
 * therefore replaces `handle_request`/`handle_error` on the Layer prototype that the app's own router uses. It does so
 * once, whatever the number of apps or copies of this package. Only observed requests use the replaced methods. Returns
 * its undo.
 */
export function observeLayers(app: Application): () => void {
  const router = routerOf(app);
  const probe = Object.assign(Object.create(router) as Router, { stack: [] as Layer[] });
  probe.use(function probe() {});
  const prototype = Object.getPrototypeOf(probe.stack[0]) as Record<PropertyKey, unknown>;

  return attachShared(prototype, layersKey, () => patch(prototype, Object.getPrototypeOf(router)));
}

function patch(layers: Record<PropertyKey, unknown>, routers: Record<PropertyKey, unknown>): () => void {
  const [request, error] =
    'handle_request' in layers ? ['handle_request', 'handle_error'] : ['handleRequest', 'handleError'];
  const undo = [
    wrapMethod(layers, request as string, observingRequest),
    wrapMethod(layers, error as string, observingError),
  ];
  if ('process_params' in routers) undo.push(wrapMethod(routers, 'process_params', observingParams));
  return () => {
    for (const put of undo) put();
  };
}

function observingRequest(original: HandleRequest): HandleRequest {
  return function handleRequest(req, res, next) {
    const context = contextOf(req);
    const onSilence = context?.onSilence;
    if (context === undefined || onSilence === undefined) {
      original.call(this, req, res, next);
      return;
    }
    const { handle } = this;
    if (this.route) noteRoute(context, this.route.path);
    else if (!this.slash && !this.regexp?.fast_slash) noteMountParams(context);
    // Routes and routers pass each of their own layers to this method. Express itself skips layers that are
    // no request handlers.
    if (this.route || handle.stack || handle.length > 3) {
      original.call(this, req, res, next);
      return;
    }
    if (isTraced()) {
      const traced = Object.create(this, { handle: { value: guardHandler(handle) } }) as Layer;
      original.call(traced, req, res, next);
      return;
    }
    const call = new HandlerCall(req, res, next, onSilence);
    context.call = call;
    context.handlerName = this.name;
    const given = handle.length === 2 ? next : call.next;
    // Express sets req.next to the router's `next`; a handler inside a route receives the `next` of the route
    if (!('method' in this)) (req as Request).next = given;
    try {
      call.returned(handle(req, res, given));
    } catch (thrown) {
      call.threw(thrown);
    }
  };
}

function observingError(original: HandleError): HandleError {
  return function handleError(error, req, res, next) {
    const context = contextOf(req);
    const onSilence = context?.onSilence;
    if (context === undefined || onSilence === undefined) {
      original.call(this, error, req, res, next);
      return;
    }
    context.fail(error);
    const { handle } = this;
    if (handle.length !== 4) {
      original.call(this, error, req, res, next);
      return;
    }
    if (isTraced()) {
      const traced = Object.create(this, { handle: { value: guardHandler(handle) } }) as Layer;
      original.call(traced, error, req, res, next);
      return;
    }
    const call = new HandlerCall(req, res, next, onSilence);
    context.call = call;
    context.handlerName = this.name;
    try {
      call.returned(handle(error, req, res, call.next));
    } catch (thrown) {
      call.threw(thrown);
    }
  };
}

const guardedParams = new WeakMap<AnyFunction, AnyFunction>();

function guardParam(fn: AnyFunction): AnyFunction {
  const guarded = guardedParams.get(fn) ?? guardHandler(fn);
  guardedParams.set(fn, guarded);
  return guarded;
}

function observingParams(original: ProcessParams): ProcessParams {
  return function processParams(layer, called, req, ...rest) {
    const context = contextOf(req as IncomingMessage);
    const names = layer.keys?.filter(({ name }) => this.params[name]);
    if (!context?.onSilence || !names?.length) return original.call(this, layer, called, req, ...rest);
    const params = Object.fromEntries(names.map(({ name }) => [name, this.params[name]?.map(guardParam)]));
    return original.call(Object.create(this, { params: { value: params } }), layer, called, req, ...rest);
  };
}

function noteRoute(context: InternalRequestContext, path: unknown): void {
  context.matchedBase = (context.req as Request).baseUrl;
  context.matchedPath = path;
}

function noteMountParams(context: InternalRequestContext): void {
  const { params } = context.req as Request;
  for (const name in params) {
    const value = params[name];
    if (typeof value !== 'string') continue;
    context.mountParams ??= {};
    context.mountParams[name] = value;
  }
}

const tracing = tracingChannel('express.router.request');
const channels = [tracing.start, tracing.end, tracing.asyncStart, tracing.asyncEnd, tracing.error];

/**
 * Whether the router's own diagnostics channel has a subscriber. In that case the router's own code runs and publishes.
 */
function isTraced(): boolean {
  // TracingChannel#hasSubscribers is missing on early Node 20
  return tracing.hasSubscribers ?? channels.some((channel) => channel.hasSubscribers);
}
