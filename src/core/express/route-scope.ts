import { attempt } from '../../support/attempt.js';
import { routePattern } from '../../support/context/route-pattern.js';
import type { Layer } from '../../support/express-layers.js';
import { pathTexts } from '../../support/path-text.js';

/**
 * The mount path of a router as it was written, such as `/shops/:shop`. A scope exists once per chain of mounts, so a
 * request only looks its pattern up.
 */
export class RouteScope {
  readonly pattern: string;
  readonly #scopes = new WeakMap<Layer, RouteScope>();
  readonly #routes = new WeakMap<Layer, string>();

  constructor(pattern: string) {
    this.pattern = pattern;
  }

  /** Returns the scope of a router that a layer mounts. `matched` is the part of the URL that the layer matched. */
  under(layer: Layer, matched: string, params: unknown): RouteScope {
    const known = this.#scopes.get(layer);
    if (known !== undefined) return known;
    const texts = pathTexts(layer);
    const [only] = texts ?? [];
    const isKnown = only !== undefined && texts?.length === 1 && !only.open;
    const tail = isKnown ? withoutSlash(only.text) : withNames(matched, params);
    const scope = new RouteScope(this.pattern + tail);
    if (isKnown) this.#scopes.set(layer, scope);
    return scope;
  }

  /** Returns the pattern of a route in this scope. */
  patternOf(layer: Layer): string {
    let pattern = this.#routes.get(layer);
    if (pattern === undefined) {
      pattern = routePattern(this.pattern, layer.route?.path);
      this.#routes.set(layer, pattern);
    }
    return pattern;
  }
}

function withoutSlash(path: string): string {
  return path.replace(/\/+$/, '');
}

/** Replaces values of parameters by their names, where the pattern of a mount path is not known. */
function withNames(matched: string, params: unknown): string {
  const entries = Object.entries((params ?? {}) as Record<string, unknown>);
  const names = new Map(entries.map(([name, value]) => [value, name]));
  return matched
    .split('/')
    .map((part) => {
      const name = names.get(decoded(part));
      return name === undefined ? part : `:${name}`;
    })
    .join('/');
}

/** Routers match decoded values, and clients differ in what they encode. */
function decoded(part: string): string {
  return attempt(() => decodeURIComponent(part), part);
}
