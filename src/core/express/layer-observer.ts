import { tracingChannel } from 'node:diagnostics_channel';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Application, Request } from 'express';
import { guardHandler, HandlerCall, type Next } from '../../middleware/async-errors/handler-call.js';
import { attachShared, undoAll } from '../../support/attachment.js';
import { contextOf } from '../../support/context/context.js';
import {
  type AnyFunction,
  createLayer,
  type Layer,
  type Router,
  routerOf,
} from '../../support/express-layers.js';
import { wrapMethod } from '../../support/replace-method.js';
import { layersKey } from '../../support/symbols.js';
import { callGuarded, isCalledDirectly } from './layer-calls.js';
import { RouterCursor } from './router-cursor.js';

type HandleRequest = (this: Layer, req: IncomingMessage, res: ServerResponse, next: Next) => void;
type HandleError = (
  this: Layer,
  error: unknown,
  req: IncomingMessage,
  res: ServerResponse,
  next: Next,
) => void;
type HandleRouter = (this: Router, req: IncomingMessage, res: ServerResponse, callback: Next) => void;
type ProcessParams = (this: Router, layer: { keys?: { name: string }[] }, ...rest: unknown[]) => unknown;

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
  const layer = createLayer(router, () => {});
  const prototype = Object.getPrototypeOf(layer) as Record<PropertyKey, unknown>;

  return attachShared(prototype, layersKey, () => patch(prototype, router));
}

function patch(layers: Record<PropertyKey, unknown>, router: Router): () => void {
  const [request, error] =
    'handle_request' in layers ? ['handle_request', 'handle_error'] : ['handleRequest', 'handleError'];
  const routers = holderOf(router, 'handle');
  const undo = [
    wrapMethod(layers, request as string, (original: HandleRequest) =>
      observingRequest(original, isCalledDirectly(original, layers, 3)),
    ),
    wrapMethod(layers, error as string, (original: HandleError) =>
      observingError(original, isCalledDirectly(original, layers, 4)),
    ),
    wrapMethod(routers, 'handle', observingRouter),
  ];
  if ('process_params' in routers) undo.push(wrapMethod(routers, 'process_params', observingParams));
  return undoAll(undo);
}

/** Returns the prototype that has a method. In Express 5 it is not the next one of a router. */
function holderOf(object: object, name: string): Record<PropertyKey, unknown> {
  let holder = Object.getPrototypeOf(object);
  while (!Object.hasOwn(holder, name)) holder = Object.getPrototypeOf(holder);
  return holder;
}

function observingRouter(original: HandleRouter): HandleRouter {
  return function handle(req, res, callback) {
    const context = contextOf(req);
    const settings = context?.layers;
    if (context === undefined || settings === undefined || !Array.isArray(this.stack)) {
      original.call(this, req, res, callback);
      return;
    }
    const cursor = new RouterCursor(context, this, settings.skipsRoutes);
    original.call(cursor.routerOf(this), req, res, callback);
  };
}

function observingRequest(original: HandleRequest, direct: boolean): HandleRequest {
  return function handleRequest(req, res, next) {
    const context = contextOf(req);
    const settings = context?.layers;
    if (context === undefined || settings === undefined) {
      original.call(this, req, res, next);
      return;
    }
    const { handle } = this;
    if (this.route)
      context.matchedRoute = (context.cursor as RouterCursor | undefined)?.scope.patternOf(this);
    // Routes and routers pass each of their own layers to this method. Express itself skips layers that are
    // no request handlers.
    if (this.route || handle.stack || handle.length > 3) {
      original.call(this, req, res, next);
      return;
    }
    if (!direct || isTraced()) {
      callGuarded(this, () => original.call(this, req, res, next));
      return;
    }
    const call = new HandlerCall(req, res, next, settings.onNoResponse);
    context.call = call;
    context.handlerName = this.name;
    const given = handle.length === 2 ? next : call.makeNext();
    // Express sets req.next to the router's `next`; a handler inside a route receives the `next` of the route
    if (!('method' in this)) (req as Request).next = given;
    try {
      call.returned(handle(req, res, given));
    } catch (thrown) {
      call.threw(thrown);
    }
  };
}

function observingError(original: HandleError, direct: boolean): HandleError {
  return function handleError(error, req, res, next) {
    const context = contextOf(req);
    const settings = context?.layers;
    if (context === undefined || settings === undefined) {
      original.call(this, error, req, res, next);
      return;
    }
    context.fail(error);
    const { handle } = this;
    if (handle.length !== 4) {
      original.call(this, error, req, res, next);
      return;
    }
    if (!direct || isTraced()) {
      callGuarded(this, () => original.call(this, error, req, res, next));
      return;
    }
    const call = new HandlerCall(req, res, next, settings.onNoResponse);
    context.call = call;
    context.handlerName = this.name;
    try {
      call.returned(handle(error, req, res, call.makeNext()));
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
    if (!context?.layers || !names?.length) return original.call(this, layer, called, req, ...rest);
    const params = Object.fromEntries(names.map(({ name }) => [name, this.params[name]?.map(guardParam)]));
    return original.call(Object.create(this, { params: { value: params } }), layer, called, req, ...rest);
  };
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
