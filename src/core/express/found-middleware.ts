import { type Router, walkLayers } from '../../support/express-layers.js';

/** Middleware an app brings itself, where ours stands aside or has something to say. */
export interface FoundMiddleware {
  readonly compression: boolean;
  readonly pinoHttp: boolean;
  readonly morgan: boolean;
  readonly helmet: boolean;
  readonly errorHandler: boolean;
  readonly healthChecks: boolean;
  readonly cache: boolean;
}

/**
 * Looks for well-known middleware in an app's own stack, by the names their packages give the functions. Only what
 * is mounted for all paths counts: `app.use('/api', compression())` leaves the rest to us.
 */
export function findMiddleware(router: Pick<Router, 'stack'>): FoundMiddleware {
  const names = new Set<string>();
  let pinoHttp = false;
  for (const { handle, slash, regexp } of router.stack) {
    if (!slash && !regexp?.fast_slash) continue;
    names.add(handle.name);
    // pino-http hands out its logger on a function without a telling name
    pinoHttp ||= typeof (handle as { logger?: { child?: unknown } }).logger?.child === 'function';
  }
  let errorHandler = false;
  walkLayers(router, ({ handle }) => {
    errorHandler ||= handle.length === 4;
  });
  return {
    compression: names.has('compression'),
    pinoHttp,
    morgan: names.has('logger'),
    helmet: names.has('helmetMiddleware'),
    errorHandler,
    healthChecks: names.has('healthChecksMiddleware'),
    cache: names.has('responseCacheMiddleware'),
  };
}
