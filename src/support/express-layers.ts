import type { Application } from 'express';

export type AnyFunction = (...args: unknown[]) => unknown;

/** What Express 4 and 5 keep for each `use`, route and route handler. */
export interface Layer {
  readonly handle: AnyFunction & { stack?: Layer[] };
  readonly name: string;
  readonly route?: { readonly path: unknown; readonly stack: Layer[] };
  readonly method?: string;
  /** Express 5: true when the layer matches every path. */
  readonly slash?: boolean;
  /** Express 4: the same. */
  readonly regexp?: { readonly fast_slash?: boolean };
}

/** The parts of a router that the library reads. */
export interface Router {
  stack: Layer[];
  use(handler: AnyFunction): unknown;
  params: Record<string, AnyFunction[]>;
}

/** The major version of the Express an app was made by. */
export function expressMajor(app: Application): 4 | 5 {
  return typeof (app as { lazyrouter?: unknown }).lazyrouter === 'function' ? 4 : 5;
}

/**
 * The router of an app. Asking for it creates it and freezes the routing settings, so ask no earlier than the
 * first request or the start of the server.
 */
export function routerOf(app: Application): Router {
  const bare = app as unknown as { lazyrouter?(): void; _router?: Router; router: Router };
  if (!bare.lazyrouter) return bare.router;
  bare.lazyrouter();
  return bare._router as Router;
}

/** Visits every layer of a router, with those of its routes and of the routers mounted in it. */
export function walkLayers(router: { stack: Layer[] }, visit: (layer: Layer) => void): void {
  for (const layer of router.stack) {
    visit(layer);
    const inner = layer.route?.stack ?? layer.handle.stack;
    if (Array.isArray(inner)) walkLayers({ stack: inner }, visit);
  }
}
