import { matchesEveryPath, type Router, walkLayers } from '../../support/express-layers.js';

/** Middleware that an app mounts itself and that concerns a part of this package. */
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
 * Finds well-known middleware in an app's own stack, by the names that their packages give the functions. Only
 * middleware that is mounted for all paths counts. After `app.use('/api', compression())` the part still handles all
 * other paths.
 */
export function findMiddleware(router: Pick<Router, 'stack'>): FoundMiddleware {
  const names = new Set<string>();
  let pinoHttp = false;
  for (const layer of router.stack) {
    if (!matchesEveryPath(layer)) continue;
    const { handle } = layer;
    names.add(handle.name);
    // the function of pino-http has no recognizable name, but it has its logger as a property
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
