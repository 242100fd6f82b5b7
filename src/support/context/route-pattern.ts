import { withoutQuery } from '../url-path.js';

/** Joins the mount path of a router and the path of one of its routes, as Express accepts it. */
export function routePattern(base: string, path: unknown): string {
  const tail = Array.isArray(path) ? path.join('|') : String(path);
  return tail === '/' && base !== '' ? base : base + tail;
}

/**
 * Returns the mount path of a route from the URL of a request: what precedes as many segments as the path of the route
 * has. Express removes the mount path from `req.baseUrl` when a handler fails. `undefined` for a path whose number of
 * segments varies.
 */
export function mountPathOf(url: string, path: unknown): string | undefined {
  if (typeof path !== 'string' || /[*?({]/.test(path)) return undefined;
  const segments = segmentsOf(withoutQuery(url));
  const mounted = segments.length - segmentsOf(path).length;
  return mounted < 0
    ? undefined
    : segments
        .slice(0, mounted)
        .map((segment) => `/${segment}`)
        .join('');
}

function segmentsOf(path: string): string[] {
  return path.split('/').filter((segment) => segment !== '');
}
