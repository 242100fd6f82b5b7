import type { IncomingMessage, ServerResponse } from 'node:http';
import type { NextFunction, Request, RequestHandler, Response } from 'express';
import {
  type Check,
  checkOptions,
  hasMethods,
  isBoolean,
  isEither,
  isFunction,
  isInteger,
  isMilliseconds,
  isOneOf,
  isStringList,
} from '../../support/options.js';
import { sharedCacheKey } from '../../support/symbols.js';
import type { CacheStore, PurgeReport, PurgeSelection } from './cache-store.js';
import { memoryStore } from './memory-store.js';
import { SharedCache } from './shared-cache.js';
import { StoreAccess } from './store-access.js';

/** Options of {@link responseCache}. */
export interface ResponseCacheOptions {
  /**
   * Where responses are stored.
   * @default memoryStore()
   */
  readonly store?: CacheStore;
  /**
   * How many bytes the default store may hold, encodings included. Without effect beside `store`.
   * @default 64 MiB
   */
  readonly maxBytes?: number;
  /**
   * Responses with more bytes than this are passed on and not stored.
   * @default 1 MiB
   */
  readonly maxEntryBytes?: number;
  /**
   * The query parameters that tell one response from another; `true` is all of them. A request that has others, too, may
   * get a response that was stored without them, but the handler's response to it is not stored.
   * @default true
   */
  readonly query?: readonly string[] | true;
  /**
   * Cookies that tell one response from another. A request with any other cookie gets stored responses only if they say
   * `public` or `s-maxage`.
   * @default []
   */
  readonly cookies?: readonly string[];
  /**
   * Seconds for which a successful response is fresh that does not say so itself. `no-store`, `private` and the like
   * still count.
   * @default none: what says nothing is not stored
   */
  readonly ttlSeconds?: number;
  /**
   * Milliseconds a request waits at most for another one that fills the same key. After half of them one more request
   * goes to the handler.
   * @default 10000
   */
  readonly waitMs?: number;
  /**
   * Milliseconds after which a store counts as failed, and the request goes on to its handler.
   * @default 250
   */
  readonly storeTimeoutMs?: number;
  /**
   * Statuses of responses that may be stored.
   * @default [200, 203, 204, 300, 301, 302, 303, 307, 308, 404, 410]
   */
  readonly statuses?: readonly number[];
  /**
   * The names by which a response can be purged together with others, beside those in its `Cache-Tag` header.
   * @default none
   */
  readonly tags?: (req: Request, res: Response) => readonly string[];
  /**
   * Whether `no-cache`, `max-age`, `min-fresh` and `max-stale` of a request are obeyed, or a function that says whose.
   * A cache at the origin need not (RFC 9111 section 5.2.1), and one that does can be passed by anybody.
   * @default false
   */
  readonly requestDirectives?: boolean | ((req: Request) => boolean);
  /**
   * Whether responses say what the cache did, in `Cache-Status` (RFC 9211).
   * @default true
   */
  readonly cacheStatus?: boolean;
}

/** The middleware of {@link responseCache}. */
export interface ResponseCache extends RequestHandler {
  /**
   * Removes responses: of one URL or one path on all hosts (`key`), of all paths that begin alike (`prefix`), or with a
   * tag. What is being made at the moment is not stored either.
   */
  purge(selection: PurgeSelection): Promise<PurgeReport>;
  /** Closes the store. */
  close(): void | Promise<void>;
}

const defaultStatuses = [200, 203, 204, 300, 301, 302, 303, 307, 308, 404, 410];

const isStore = hasMethods('a store with get, set and purge', 'get', 'set', 'purge');

const isStatusList: Check = (value) =>
  Array.isArray(value) &&
  value.every((item) => Number.isInteger(item) && item >= 200 && item < 600 && item !== 206 && item !== 304)
    ? undefined
    : 'an array of statuses from 200 on, without 206 and 304';

/**
 * Middleware that responds to GET and HEAD with stored responses, as a shared cache does by RFC 9111: what a response says in
 * `Cache-Control` decides; what says nothing is not stored. It knows `stale-while-revalidate` and `stale-if-error`
 * (RFC 5861), `Vary`, conditions and ranges, and says in `Cache-Status` (RFC 9211) what it did. One request per key goes
 * to the handler while the others wait. Unsafe methods that succeed drop their URL's response.
 *
 * Never stored: what sets a cookie, says `private`, `no-store` or `no-cache`, is partial, or answers a request with
 * credentials or cookies without saying `public` or `s-maxage`. `DEBUG=productionize:cache` prints the reason.
 *
 * @throws ProductionizeError when an option is wrong.
 * @see https://www.rfc-editor.org/rfc/rfc9111
 * @example
 * const cache = responseCache({ ttlSeconds: 60 })
 * app.get('/products', cache, (req, res) => res.json(products))
 * app.post('/import', async (req, res) => res.json(await cache.purge({ prefix: '/products' })))
 */
export function responseCache(options?: ResponseCacheOptions): ResponseCache {
  const checked = checkOptions('responseCache', options, {
    store: isStore,
    maxBytes: isInteger('bytes'),
    maxEntryBytes: isInteger('bytes'),
    query: isEither(isStringList, isOneOf(true)),
    cookies: isStringList,
    ttlSeconds: isInteger('seconds', 1),
    waitMs: isMilliseconds(1),
    storeTimeoutMs: isMilliseconds(1),
    statuses: isStatusList,
    tags: isFunction,
    requestDirectives: isEither(isBoolean, isFunction),
    cacheStatus: isBoolean,
  });
  const { query = true, requestDirectives = false } = checked;
  const store = checked.store ?? memoryStore({ maxBytes: checked.maxBytes });
  const obeys = typeof requestDirectives === 'function' ? requestDirectives : () => requestDirectives;
  const cache = new SharedCache(
    {
      maxEntryBytes: checked.maxEntryBytes ?? 1024 * 1024,
      query: query === true ? true : new Set(query),
      cookies: new Set(checked.cookies),
      ttlSeconds: checked.ttlSeconds,
      waitMs: checked.waitMs ?? 10_000,
      statuses: new Set(checked.statuses ?? defaultStatuses),
      tags: checked.tags as ((req: IncomingMessage, res: ServerResponse) => readonly string[]) | undefined,
      cacheStatus: checked.cacheStatus ?? true,
      obeys: obeys as (req: IncomingMessage) => boolean,
    },
    new StoreAccess(store, checked.storeTimeoutMs ?? 250),
  );

  function responseCacheMiddleware(req: Request, res: Response, next: NextFunction): void {
    cache.handle(req, res, proceed, next);
  }

  return Object.assign(responseCacheMiddleware, {
    [sharedCacheKey]: cache,
    purge: (selection: PurgeSelection) => cache.purge(selection),
    close: () => store.close?.(),
  });
}

function proceed(_req: IncomingMessage, _res: ServerResponse, next: unknown): void {
  (next as () => void)();
}

/** The cache behind a middleware of {@link responseCache}. */
export function sharedCacheOf(middleware: ResponseCache): SharedCache {
  return (middleware as unknown as { [sharedCacheKey]: SharedCache })[sharedCacheKey];
}
