import type { AnyFunction, Layer, Router } from '../../support/express-layers.js';

type MatchingLayer = Layer & {
  /** Express 4 says whether, and notes what it matched; Express 5 returns it. */
  match?(path: string): boolean | { readonly path: string };
  readonly path?: string;
  readonly route?: { readonly path: unknown; readonly methods?: Record<string, boolean> };
};

/**
 * Whether an app answers GET of a path by a route or a middleware of just that name. Patterns that match it among
 * others (`*`, `/:page`) do not count, nor what a mounted app hides.
 */
export function answersPath(router: Pick<Router, 'stack'>, path: string): boolean {
  return (router.stack as MatchingLayer[]).some((layer) => {
    const { route, handle } = layer;
    if (route) return listens(route.methods) && names(route.path, path);
    const inner = handle.stack;
    if (layer.slash || layer.regexp?.fast_slash) return isStack(inner) && answersPath({ stack: inner }, path);
    const match = handle.length === 4 ? false : layer.match?.(path);
    if (!match) return false;
    const matched = (typeof match === 'object' ? match.path : layer.path) ?? '';
    const rest = path.slice(matched.length) || '/';
    return isStack(inner) ? answersPath({ stack: inner }, rest) : rest === '/';
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
