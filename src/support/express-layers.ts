import type { Application, NextFunction, Request, Response } from 'express';

export type AnyFunction = (...args: unknown[]) => unknown;

/** The layer that Express 4 and 5 create for each `use`, route and route handler. */
export interface Layer {
  readonly handle: AnyFunction & { stack?: Layer[] };
  readonly name: string;
  readonly route?: { readonly path: unknown; readonly stack: Layer[] };
  readonly method?: string;
  /** Express 5: true if the layer matches every path. */
  readonly slash?: boolean;
  /** Express 5 with router 2.3 or later: the path as it was written. */
  readonly rawPath?: unknown;
  /** Express 4: its `fast_slash` is true if the layer matches every path. */
  readonly regexp?: RegExp & { readonly fast_slash?: boolean };
  /** Express 4: the parameters of the path. */
  readonly keys?: readonly { readonly name: string | number }[];
}

/** The outermost app in which a sub-app is mounted. */
export function outermost(app: Application): Application {
  const { parent } = app as unknown as { parent?: Application };
  return parent === undefined ? app : outermost(parent);
}

/** The parts of a router that the library reads. */
export interface Router {
  stack: Layer[];
  use(handler: AnyFunction): unknown;
  params: Record<string, AnyFunction[]>;
}

/** Whether a layer matches every path, as one of `app.use(handler)` does. */
export function matchesEveryPath({ slash, regexp }: Layer): boolean {
  return slash === true || regexp?.fast_slash === true;
}

/** Returns the major version of the Express that created an app. */
export function expressMajor(app: Application): 4 | 5 {
  return typeof (app as { lazyrouter?: unknown }).lazyrouter === 'function' ? 4 : 5;
}

/**
 * Returns the router of an app. This creates the router and freezes the routing settings. Call it no earlier than the
 * first request or the start of the server.
 */
export function routerOf(app: Application): Router {
  const bare = app as unknown as { lazyrouter?(): void; _router?: Router; router: Router };
  if (!bare.lazyrouter) return bare.router;
  bare.lazyrouter();
  return bare._router as Router;
}

/**
 * Returns the layer that a router creates for a handler, without adding it to the router. Tracing agents that replace
 * handlers when they are added replace this one, too.
 */
export function createLayer(router: Router, handler: AnyFunction): Layer {
  const copy = Object.assign(Object.create(router) as Router, { stack: [] as Layer[] });
  copy.use(handler);
  return copy.stack[0] as Layer;
}

/**
 * Calls the error handler of a layer as a router does: by the methods that tracing agents replace, and with the request
 * as it is inside a router. The router of the app has already put back what the request had before.
 */
export function callErrorHandler(
  layer: Layer,
  error: unknown,
  req: Request,
  res: Response,
  next: NextFunction,
): void {
  const { match, handle_error, handleError } = layer as unknown as Record<string, AnyFunction>;
  req.baseUrl ??= '';
  req.params ??= {};
  req.next = next;
  // the layer stores the path that matched, which agents read
  match?.call(layer, '/');
  (handle_error ?? handleError)?.call(layer, error, req, res, next);
}

/** Visits every layer of a router, its routes and the routers mounted in it. */
export function walkLayers(router: { stack: Layer[] }, visit: (layer: Layer) => void): void {
  for (const layer of router.stack) {
    visit(layer);
    const inner = layer.route?.stack ?? layer.handle.stack;
    if (Array.isArray(inner)) walkLayers({ stack: inner }, visit);
  }
}
