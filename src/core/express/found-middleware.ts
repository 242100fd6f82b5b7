import { matchesEveryPath, type Router } from '../../support/express-layers.js';
import { healthChecksKey, sharedCacheKey } from '../../support/symbols.js';

/** Middleware of this package that an app mounts itself. */
export interface FoundMiddleware {
  readonly healthChecks: boolean;
  readonly cache: boolean;
}

/**
 * Finds the parts that an app mounts itself, in its own stack. Only middleware that is mounted for all paths counts.
 * Middleware of other packages is found by what it does to a request, see `other-logger.ts` and `response-encoding.ts`.
 */
export function findMiddleware(router: Pick<Router, 'stack'>): FoundMiddleware {
  const mounted = router.stack.filter(matchesEveryPath).map(({ handle }) => handle);
  return {
    healthChecks: mounted.some((handle) => healthChecksKey in handle),
    cache: mounted.some((handle) => sharedCacheKey in handle),
  };
}
