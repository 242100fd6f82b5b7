import type { Application, Request } from 'express';
import { attempt } from '../../support/attempt.js';
import { routePattern } from '../../support/context/route-pattern.js';
import { type Layer, matchesEveryPath, routerOf } from '../../support/express-layers.js';
import { pathTexts } from '../../support/path-text.js';

/** A route of Express, as `req.route` has it. */
export interface Route {
  readonly path: unknown;
}

const deepest = 20;
const longest = 256;

/**
 * Returns the patterns under which a route is mounted, as the app has written them. `req.baseUrl` and the context of a
 * request cannot be used: they contain what the client sent where a router is mounted under a pattern. A mount path
 * that is not known as text is `*`.
 */
export function labelsOf(route: Route, { app }: Partial<Request>): string[] {
  const found = new Set<string>();
  if (app !== undefined) {
    const stack = attempt(() => routerOf(app).stack, []);
    visitRoutes(stack, mountOf(app), (label, each) => {
      if (each === route) found.add(label);
    });
  }
  return found.size > 0 ? [...found] : [labelUnder('/*', route)];
}

/** Calls back for each route of a router and of the routers in it. */
export function visitRoutes(
  stack: readonly Layer[],
  prefix: string,
  visit: (label: string, route: Route) => void,
  depth = 0,
): void {
  if (depth > deepest) return;
  for (const layer of stack) {
    const { route, handle } = layer;
    if (route) visit(labelUnder(prefix, route), route);
    else if (Array.isArray(handle.stack)) {
      visitRoutes(handle.stack, prefix + mountPathOf(layer), visit, depth + 1);
    }
  }
}

function labelUnder(prefix: string, { path }: Route): string {
  return routePattern(prefix, path).slice(0, longest);
}

function mountPathOf(layer: Layer): string {
  if (matchesEveryPath(layer)) return '';
  const [only, ...more] = pathTexts(layer) ?? [];
  return only === undefined || more.length > 0 || only.open ? '/*' : only.text.replace(/\/+$/, '');
}

/** The path under which an app is mounted in others. */
function mountOf(app: Application): string {
  const { parent, mountpath } = app as unknown as { parent?: Application; mountpath?: unknown };
  if (parent === undefined) return '';
  const own = typeof mountpath === 'string' ? mountpath.replace(/\/+$/, '') : '/*';
  return mountOf(parent) + own;
}
