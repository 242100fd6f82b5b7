import type { Request } from 'express';
import type { InternalRequestContext } from '../../support/context/context.js';
import { type Layer, matchesEveryPath, type Router } from '../../support/express-layers.js';
import { RouteIndex } from './route-index.js';
import { RouteScope } from './route-scope.js';

const indexes = new WeakMap<readonly Layer[], RouteIndex>();

function indexOf(stack: readonly Layer[]): RouteIndex {
  let index = indexes.get(stack);
  if (index === undefined || !index.describes(stack)) {
    index = new RouteIndex(stack);
    indexes.set(stack, index);
  }
  return index;
}

const root = new RouteScope('');

/**
 * One run of a router for one request. The router gets a list in place of its stack. The list contains the layers that
 * may match, and before each of them this cursor, which looks like a layer that never matches.
 *
 * The router therefore calls `match` with the path of that moment before it tries a layer. If a middleware has changed
 * `req.url`, or layers were added or removed, the cursor replaces the rest of the list.
 */
export class RouterCursor {
  /** Routers read this property of each layer. */
  readonly route = undefined;
  readonly parent: RouterCursor | undefined;
  readonly base: string;
  readonly #context: InternalRequestContext;
  readonly #stack: Layer[];
  readonly #skips: boolean;
  readonly #list: Layer[] = [];
  #scope: RouteScope | undefined = undefined;
  #index: RouteIndex;
  #path: string | undefined = undefined;
  /** The positions of candidates in the stack, and how many of them stand before the ones in the list. */
  #found: readonly number[] = [];
  #offset = 0;
  #calls = 0;

  constructor(context: InternalRequestContext, router: Router, skips: boolean) {
    this.#context = context;
    this.#stack = router.stack;
    this.#skips = skips;
    this.base = (context.req as Request).baseUrl || '';
    this.parent = parentOf(context.cursor as RouterCursor | undefined, this.base);
    this.#index = indexOf(router.stack);
    this.#list.push(this as unknown as Layer);
  }

  /** Returns what the router's own code runs on: the router, with the list as its stack. */
  routerOf(router: Router): Router {
    const view = Object.create(router) as Router;
    view.stack = this.#list;
    return view;
  }

  /** The layer that runs. */
  get current(): Layer | undefined {
    return this.#list[this.#calls * 2 - 1];
  }

  get scope(): RouteScope {
    this.#scope ??= this.#makeScope();
    return this.#scope;
  }

  #makeScope(): RouteScope {
    const { parent, base } = this;
    const { params } = this.#context.req as Request;
    if (parent === undefined) return base === '' ? root : new RouteScope(base);
    const layer = parent.current;
    if (layer === undefined || base === parent.base) return parent.scope;
    return parent.scope.under(layer, base.slice(parent.base.length), params);
  }

  /** Called by the router before each layer of the list. */
  match(path: string): false {
    if (path !== this.#path || this.#stack.length !== this.#index.all.length) this.#continueWith(path);
    this.#calls++;
    this.#context.cursor = this;
    return false;
  }

  #continueWith(path: string): void {
    const calls = this.#calls;
    const last = calls === 0 ? -1 : (this.#found[calls - 1 + this.#offset] as number);
    if (calls > 0) this.#index = indexOf(this.#stack);
    this.#path = path;
    this.#found = this.#skips ? this.#index.find(path) : this.#index.all;
    const from = this.#found.findIndex((position) => position > last);
    const start = from === -1 ? this.#found.length : from;
    this.#offset = start - calls;
    const list = this.#list;
    list.length = calls * 2 + 1;
    for (let at = start; at < this.#found.length; at++) {
      list.push(this.#stack[this.#found[at] as number] as Layer, this as unknown as Layer);
    }
  }
}

/** Returns the run of a router whose current layer contains the router at a base path. */
function parentOf(from: RouterCursor | undefined, base: string): RouterCursor | undefined {
  for (let cursor = from; cursor !== undefined; cursor = cursor.parent) {
    const layer = cursor.current;
    const isMount = layer !== undefined && !layer.route && !matchesEveryPath(layer);
    if (base === cursor.base || (isMount && base.startsWith(cursor.base))) return cursor;
  }
  return undefined;
}
