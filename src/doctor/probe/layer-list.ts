import type { Application } from 'express';
import type { Recorded } from '../../deploy/facts/recorded-modules.js';
import { mountedApp, mountPath } from '../../deploy/facts/static-layers.js';
import { type AnyFunction, type Layer, routerOf } from '../../support/express-layers.js';
import { pathTexts } from '../../support/path-text.js';
import type { LayerObservation } from '../observations.js';
import { catchesItsErrors } from './own-catch.js';

/** Middlewares that Express itself adds to each app. */
const ofExpress = new Set(['query', 'expressInit']);

/** Lists what an app calls for requests, in this order, with its routers and mounted apps. */
export function listLayers(app: Application, recorded: Recorded): LayerObservation[] {
  const list: LayerObservation[] = [];
  const visit = (
    owner: Application | undefined,
    stack: readonly Layer[],
    prefix: string | undefined,
  ): void => {
    for (const layer of stack) {
      const { handle, name, route } = layer;
      if (route) {
        const path = routePath(layer, prefix);
        for (const each of route.stack) list.push(describe(each.handle, path, recorded, each.method));
        continue;
      }
      const path = prefix === undefined ? undefined : mountPath(layer, prefix);
      if (ofExpress.has(name)) continue;
      const child = name === 'mounted_app' ? mountedApp(owner, path, prefix ?? '', recorded) : undefined;
      const inner = child ? routerOf(child).stack : handle.stack;
      if (Array.isArray(inner)) {
        list.push({ ...describe(handle, path, recorded), kind: 'router' });
        visit(child, inner, path);
      } else {
        list.push(describe(handle, path, recorded));
      }
    }
  };
  visit(app, routerOf(app).stack, '');
  return list;
}

/** The path of a route with those of its routers, with parameters as they are written; `undefined` for a pattern. */
function routePath(layer: Layer, prefix: string | undefined): string | undefined {
  const [only, other] = pathTexts(layer) ?? [];
  if (prefix === undefined || only === undefined || other !== undefined || only.open) return undefined;
  return prefix + only.text;
}

function describe(
  handle: AnyFunction,
  path: string | undefined,
  { packages }: Recorded,
  method?: string,
): LayerObservation {
  const parameters = handle.length;
  return {
    kind: parameters === 4 ? 'error handler' : method === undefined ? 'middleware' : 'handler',
    name: handle.name || '<anonymous>',
    path,
    method: method?.toUpperCase(),
    mayReject: handle.constructor.name === 'AsyncFunction' && !catchesItsErrors(handle),
    parameters,
    package: packages.get(handle),
  };
}
