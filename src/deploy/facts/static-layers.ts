import path from 'node:path';
import type { Application } from 'express';
import { type Layer, matchesEveryPath, routerOf } from '../../support/express-layers.js';
import { pathTexts } from '../../support/path-text.js';
import { staticRootKey } from '../../support/symbols.js';
import type { StaticDirectory } from '../deployment-facts.js';
import type { Recorded } from './recorded-modules.js';

/** Middleware without an effect on responses that are files. */
const harmless =
  /^(?:query|expressInit|jsonParser|urlencodedParser|rawParser|textParser|cookieParser|session|compression|logger)$/;

interface Scope {
  /** The path under which the router is mounted, without a slash at its end. */
  readonly prefix: string;
  /** The middlewares in front, each with the path that it is mounted on; `undefined` where the path is a pattern. */
  readonly front: { readonly name: string; readonly text: string | undefined }[];
}

/** Finds the directories that an app and its routers serve under a literal path. */
export function staticDirectories(app: Application, recorded: Recorded): StaticDirectory[] {
  const found: StaticDirectory[] = [];
  const visit = (owner: Application | undefined, stack: readonly Layer[], scope: Scope): void => {
    for (const layer of stack) {
      const { handle, name, route } = layer;
      if (route) continue;
      const text = mountPath(layer, scope.prefix);
      const root = rootOf(handle, recorded);
      const child = name === 'mounted_app' ? mountedApp(owner, text, scope.prefix, recorded) : undefined;
      if (root !== undefined) {
        if (text !== undefined) found.push(directory(text, root, scope.front));
      } else if (child) {
        visit(child, routerOf(child).stack, { prefix: text ?? '', front: [...scope.front] });
      } else if (Array.isArray(handle.stack)) {
        // the paths of a router under a pattern are not known, but it may respond to any of them
        if (text === undefined) scope.front.push({ name: name || 'router', text });
        else visit(undefined, handle.stack, { prefix: text, front: [...scope.front] });
      } else if (!harmless.test(name) && handle.length < 4) {
        scope.front.push({ name: name || '<anonymous>', text });
      }
    }
  };
  visit(app, routerOf(app).stack, { prefix: '', front: [] });
  return found;
}

function directory(text: string, root: string, front: Scope['front']): StaticDirectory {
  const mounted = text || '/';
  const behind = front.filter(({ text: other }) => other === undefined || isBelow(mounted, other));
  return {
    path: mounted,
    directory: path.resolve(root),
    behind: [...new Set(behind.map(({ name }) => name))],
  };
}

/** Whether a middleware that is mounted on `other` may run for requests below `mounted`. */
function isBelow(mounted: string, other: string): boolean {
  const [one, two] = [mounted.toLowerCase(), other.toLowerCase()];
  return two === '' || one === two || one.startsWith(`${two}/`) || two.startsWith(one);
}

/** The path of a layer with those of its routers; `undefined` where one is a pattern. */
export function mountPath(layer: Layer, prefix: string): string | undefined {
  if (matchesEveryPath(layer)) return prefix;
  const texts = pathTexts(layer) ?? [];
  const [only] = texts;
  if (texts.length !== 1 || only === undefined || only.open || /\/:/.test(only.text)) return undefined;
  return prefix + only.text.replace(/\/+$/, '');
}

/** The app that is mounted by a layer. The layer has a function that only calls it. */
export function mountedApp(
  owner: Application | undefined,
  text: string | undefined,
  prefix: string,
  { apps }: Recorded,
): Application | undefined {
  const local = text?.slice(prefix.length);
  return apps.find((app) => {
    const { parent, mountpath } = app as unknown as { parent?: Application; mountpath: unknown };
    return owner !== undefined && parent === owner && String(mountpath).replace(/\/+$/, '') === local;
  });
}

function rootOf(handle: Layer['handle'], { staticRoots }: Recorded): string | undefined {
  return (handle as { [staticRootKey]?: string })[staticRootKey] ?? staticRoots.get(handle);
}
