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
  /** Where responses are stored. @default memoryStore() */
  readonly store?: CacheStore;
  /** Bytes that the default store may hold, encodings included. It has no effect with `store`. @default 64 MiB */
  readonly maxBytes?: number;
  /** Responses with a larger body, in bytes, are not stored. @default 1 MiB, but at most an eighth of `maxBytes` */
  readonly maxEntryBytes?: number;
  /**
   * The query parameters that are part of the cache key; `true` is all of them. A request with other parameters can be
   * served a response that was stored without them, but the handler's response to it is not stored.
   * @default true
   */
  readonly query?: readonly string[] | true;
  /**
   * Cookies that are part of the cache key. A request with any other cookie is served a stored response only if the
   * response has `public` or `s-maxage`.
   * @default []
   */
  readonly cookies?: readonly string[];
  /**
   * Seconds for which a successful response without `max-age`, `s-maxage` or `Expires` is fresh. `no-store` and
   * `private` are still obeyed.
   * @default none: a response without a lifetime is not stored
   */
  readonly ttlSeconds?: number;
  /**
   * The maximum milliseconds that a request waits for another one with the same key. After half of this time one more
   * request is passed to the handler.
   * @default 10000
   */
  readonly waitMs?: number;
  /**
   * Milliseconds after which a call of the store is treated as failed, and the request is passed to its handler.
   * @default 250
   */
  readonly storeTimeoutMs?: number;
  /** Statuses of responses that may be stored. @default [200, 203, 204, 300, 301, 302, 303, 307, 308, 404, 410] */
  readonly statuses?: readonly number[];
  /**
   * A function that returns the tags of a response, in addition to its `Cache-Tag` header. A purge can select a tag.
   * @default none
   */
  readonly tags?: (req: Request, res: Response) => readonly string[];
  /**
   * Whether `no-cache`, `max-age`, `min-fresh` and `max-stale` of a request are obeyed, or a function that decides it
   * per request. A cache at the origin may ignore them (RFC 9111 section 5.2.1); otherwise every client can bypass it.
   * @default false
   */
  readonly requestDirectives?: boolean | ((req: Request) => boolean);
  /** Whether responses have a `Cache-Status` header (RFC 9211). @default true */
  readonly cacheStatus?: boolean;
}

/** The middleware of {@link responseCache}. */
export interface ResponseCache extends RequestHandler {
  /**
   * Removes stored responses: of one URL or one path on all hosts (`key`), of all paths with a prefix (`prefix`), or
   * with a tag (`tag`). Responses that handlers are producing at the moment are not stored either.
   */
  purge(selection: PurgeSelection): Promise<PurgeReport>;
  /** Closes the store. */
  close(): void | Promise<void>;
}

/** Seconds for which stale responses are stored for `max-stale`. It has an effect only with `requestDirectives`. */
const maxStaleSeconds = 86_400;

const defaultStatuses = [200, 203, 204, 300, 301, 302, 303, 307, 308, 404, 410];

const isStore = hasMethods('a store with get, set and purge', 'get', 'set', 'purge');

const isStatusList: Check = (value) =>
  Array.isArray(value) &&
  value.every((item) => Number.isInteger(item) && item >= 200 && item < 600 && item !== 206 && item !== 304)
    ? undefined
    : 'an array of statuses from 200 on, without 206 and 304';

export const optionChecks = {
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
};

/**
 * Middleware that responds to GET and HEAD with stored responses, as a shared cache (RFC 9111). The `Cache-Control` of
 * a response decides whether it is stored; one without a lifetime is not. It supports `stale-while-revalidate` and
 * `stale-if-error` (RFC 5861), `Vary`, conditional requests and ranges, and sets `Cache-Status` (RFC 9211). One request
 * per key is passed to the handler while the others wait. A successful unsafe method invalidates the response of its
 * URL.
 *
 * A response that sets a cookie, has `private`, `no-store` or `no-cache`, or is partial is never stored. A response to
 * a request with credentials or cookies is stored only if it has `public` or `s-maxage`. `DEBUG=productionize:cache`
 * prints the reason.
 *
 * @throws ProductionizeError when an option is wrong.
 * @see https://www.rfc-editor.org/rfc/rfc9111
 * @example
 * const cache = responseCache({ ttlSeconds: 60 })
 * app.get('/products', cache, (req, res) => res.json(products))
 * app.post('/import', async (req, res) => res.json(await cache.purge({ prefix: '/products' })))
 */
export function responseCache(options?: ResponseCacheOptions): ResponseCache {
  const checked = checkOptions('responseCache', options, optionChecks);
  const { query = true, requestDirectives = false } = checked;
  const { maxBytes = 64 * 1024 * 1024 } = checked;
  const store = checked.store ?? memoryStore({ maxBytes });
  const largest = checked.store === undefined ? Math.floor(maxBytes / 8) : Number.POSITIVE_INFINITY;
  const obeys = typeof requestDirectives === 'function' ? requestDirectives : () => requestDirectives;
  const cache = new SharedCache(
    {
      maxEntryBytes: checked.maxEntryBytes ?? Math.min(1024 * 1024, largest),
      query: query === true ? true : new Set(query),
      cookies: new Set(checked.cookies),
      maxStaleSeconds: requestDirectives === false ? 0 : maxStaleSeconds,
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

export function sharedCacheOf(middleware: ResponseCache): SharedCache {
  return (middleware as unknown as { [sharedCacheKey]: SharedCache })[sharedCacheKey];
}
