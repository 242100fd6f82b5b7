import { type AnyFunction, type Layer, matchesEveryPath, type Router } from '../../support/express-layers.js';

type MatchingLayer = Layer & {
  /** Express 4 returns whether the layer matches and stores the matched path on it; Express 5 returns the path. */
  match?(path: string): boolean | { readonly path: string };
  readonly path?: string;
  readonly route?: { readonly path: unknown; readonly methods?: Record<string, boolean> };
};

/**
 * Whether an app has a route for GET or a middleware with exactly this path. Patterns that also match other paths (`*`,
 * `/:page`) do not count. Routes inside a mounted app do not count either.
 */
export function hasRouteFor(router: Pick<Router, 'stack'>, path: string): boolean {
  return (router.stack as MatchingLayer[]).some((layer) => {
    const { route, handle } = layer;
    if (route) return listens(route.methods) && names(route.path, path);
    const inner = handle.stack;
    if (matchesEveryPath(layer)) return isStack(inner) && hasRouteFor({ stack: inner }, path);
    const match = handle.length === 4 ? false : layer.match?.(path);
    if (!match) return false;
    const matched = (typeof match === 'object' ? match.path : layer.path) ?? '';
    const rest = path.slice(matched.length) || '/';
    return isStack(inner) ? hasRouteFor({ stack: inner }, rest) : rest === '/';
  });
}

function isStack(stack: (AnyFunction & { stack?: Layer[] })['stack']): stack is Layer[] {
  return Array.isArray(stack);
}

function listens(methods: Record<string, boolean> | undefined): boolean {
  return methods === undefined || methods.get === true || methods._all === true || methods.head === true;
}

function names(pattern: unknown, path: string): boolean {
  if (Array.isArray(pattern)) return pattern.some((one) => names(one, path));
  return typeof pattern === 'string' && plain(pattern) === plain(path);
}

function plain(path: string): string {
  return path.toLowerCase().replace(/(?<=.)\/$/, '');
}
