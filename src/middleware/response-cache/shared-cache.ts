import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Application, Request } from 'express';
import { debugFor } from '../../support/debug.js';
import { isPromise } from '../../support/is-promise.js';
import { counts } from '../../support/metrics/counts.js';
import { responseHooks } from '../../support/response-hooks.js';
import { BackgroundRefreshes } from './background-refreshes.js';
import { storeSelection, type Target, targetOf } from './cache-key.js';
import type { CacheSettings } from './cache-parts.js';
import { addCacheStatus, type Forwarded } from './cache-status.js';
import type { PurgeReport, PurgeSelection } from './cache-store.js';
import { CoalescedRequests, type Leader } from './coalesced-requests.js';
import { type Exchange, hitForPassKey, isOpen, type Miss, type Proceed } from './exchange.js';
import { ForwardedRequest, type ForwardingParts } from './forwarded-request.js';
import { HitForPass } from './hit-for-pass.js';
import { Invalidation, isSafe } from './invalidation.js';
import { PurgeLog } from './purge-log.js';
import { hasCredentials, unkeyedInput, whyBypassed, whyUnshared } from './request-checks.js';
import { isNoCache, isOnlyIfCached, matchDirectives } from './request-directives.js';
import { type Lookup, lookUp } from './response-storage.js';
import { rangeOf, sendStoredResponse } from './send-stored-response.js';
import type { StoreAccess } from './store-access.js';
import { isResponse, type StoredResponse } from './stored-response.js';
import { VariantLimit } from './variant-limit.js';

const debug = debugFor('cache');

type Trust = (address: string | undefined, hop: number) => boolean;

/** One shared cache (RFC 9111 section 1), which {@link responseCache} wraps as an Express middleware. */
export class SharedCache {
  /** Whether background refreshes may start; false while the app drains. */
  mayRefresh: () => boolean = () => true;

  #app: Application | undefined;
  readonly #settings: CacheSettings;
  readonly #parts: ForwardingParts;
  readonly #refreshes: BackgroundRefreshes;
  readonly #invalidate = (keys: readonly string[]): Promise<unknown> | undefined => {
    const pending = keys.map((key) => this.#purge({ key })).filter(isPromise);
    return pending.length === 0 ? undefined : this.#parts.store.inTime(Promise.all(pending));
  };

  constructor(settings: CacheSettings, store: StoreAccess) {
    this.#settings = settings;
    this.#parts = {
      settings,
      store,
      coalesced: new CoalescedRequests(settings.waitMs),
      hitForPass: new HitForPass(),
      purges: new PurgeLog(),
      variants: new VariantLimit(),
      hooks: responseHooks(Symbol('express-productionize.cache')),
      send: (req, res, stored, now, status) => this.#send(req, res, stored, now, status),
      retry: (exchange, target) => this.#lookUp(exchange, target),
    };
    this.#refreshes = new BackgroundRefreshes(this.#parts);
    store.onPurge((selection) => this.#outdate(selection));
  }

  /** Sets the app of a cache that runs before the router of that app. */
  attach(app: Application | undefined): void {
    this.#app = app;
  }

  handle(req: IncomingMessage, res: ServerResponse, proceed: Proceed, more: unknown): void {
    const { method } = req;
    if (this.#parts.hooks.of(res) !== undefined) {
      debug(() => ['%s %s: this cache is mounted twice, the first one handles the request', method, req.url]);
      proceed(req, res, more);
      return;
    }
    if (method !== 'GET' && method !== 'HEAD') {
      this.#handleOther(req, res, proceed, more);
      return;
    }
    const exchange = { req, res, proceed, more, lookups: 0 };
    const reason = whyBypassed(req);
    const target = reason === undefined ? this.#targetOf(req) : undefined;
    if (target === undefined) {
      this.#pass(exchange, 'bypass', reason ?? 'unusual-url');
      return;
    }
    const leader = this.#refreshes.leaderOf(req);
    if (leader !== undefined) this.#fillAgain(exchange, target, leader);
    else this.#lookUp(exchange, target);
  }

  async purge(selection: PurgeSelection): Promise<PurgeReport> {
    return this.#purge(storeSelection(selection, this.#settings.query));
  }

  #purge(selection: PurgeSelection): PurgeReport | Promise<PurgeReport> {
    this.#outdate(selection);
    return this.#parts.store.purge(selection);
  }

  /** Responses in progress are not stored and not shared with other requests. */
  #outdate(selection: PurgeSelection): void {
    this.#parts.purges.add(selection);
    this.#parts.coalesced.forgetResults();
  }

  /** Looks up a response and continues with the result, synchronously if the store is synchronous. */
  #lookUp(exchange: Exchange, target: Target): void {
    exchange.lookups += 1;
    const found = lookUp(this.#parts.store, target.key, exchange.req);
    if (!isPromise(found)) this.#respond(exchange, target, found);
    else {
      void found.then((late) => {
        if (isOpen(exchange.res)) this.#respond(exchange, target, late);
      });
    }
  }

  #respond(exchange: Exchange, target: Target, lookup: Lookup): void {
    const { req } = exchange;
    const { entry, marker } = lookup;
    const stored = entry !== undefined && isResponse(entry) ? entry : undefined;
    let forwarded: Forwarded = marker === undefined ? 'uri-miss' : 'vary-miss';
    let stale: StoredResponse | undefined;
    if (stored !== undefined) {
      const { head } = stored;
      const now = Date.now();
      const match = this.#obeys(req) ? matchDirectives(req, head, now) : 'fresh';
      if (!head.open && hasCredentials(req, this.#settings.cookies)) forwarded = 'bypass';
      else if (match === 'no') forwarded = 'request';
      else if (
        now < head.freshUntil ||
        match === 'stale' ||
        (now < head.staleUntil && this.#refresh(exchange, target, lookup))
      ) {
        if (this.#sendHit(exchange, stored, now)) return;
        forwarded = 'request';
      } else {
        forwarded = 'stale';
        stale = stored;
      }
    }
    if (isOnlyIfCached(req)) this.#refuse(exchange.res, forwarded);
    else this.#forward(exchange, target, lookup, forwarded, stale);
  }

  /** Sends a stored response. Returns false when it cannot satisfy the requested range: the handler runs then. */
  #sendHit({ req, res }: Exchange, stored: StoredResponse, now: number): boolean {
    if (req.headers.range !== undefined && rangeOf(req, stored) === 'unclear') return false;
    try {
      const leftMs = stored.head.freshUntil - now;
      this.#send(req, res, stored, now, `hit; ttl=${Math.ceil(leftMs / 1000)}`);
      counts.cache[leftMs > 0 ? 'hit' : 'hit-stale'] += 1;
    } catch (error) {
      debug(() => ['%s %s: the stored response cannot be sent: %s', req.method, req.url, error]);
      if (res.headersSent) return true;
      for (const name of namesOf(stored)) if (res.hasHeader(name)) res.removeHeader(name);
      res.statusCode = 200;
      return false;
    }
    return true;
  }

  #send(
    req: IncomingMessage,
    res: ServerResponse,
    stored: StoredResponse,
    now: number,
    status: string,
  ): void {
    sendStoredResponse(req, res, stored, now, this.#settings.cacheStatus ? status : undefined);
  }

  #forward(
    exchange: Exchange,
    target: Target,
    lookup: Lookup,
    forwarded: Forwarded,
    stale: StoredResponse | undefined,
  ): void {
    const { req } = exchange;
    const unshared = whyUnshared(req, target);
    if (unshared !== undefined && stale === undefined) {
      this.#pass(exchange, forwarded, unshared);
      return;
    }
    const miss = this.#missOf(exchange, target, lookup, forwarded, stale);
    const request = new ForwardedRequest(this.#parts, miss);
    if (unshared !== undefined) request.run({ unstored: unshared });
    else if (
      forwarded === 'bypass' ||
      forwarded === 'request' ||
      miss.needsOwnRun ||
      this.#parts.hitForPass.has(hitForPassKey(miss))
    )
      request.run();
    else request.coalesce();
  }

  #missOf(
    exchange: Exchange,
    target: Target,
    lookup: Lookup,
    forwarded: Forwarded,
    stale: StoredResponse | undefined,
  ): Miss {
    const { req } = exchange;
    const obeysDirectives = this.#obeys(req);
    return {
      exchange,
      target,
      lookup,
      forwarded,
      stale,
      hasCredentials: hasCredentials(req, this.#settings.cookies),
      obeysDirectives,
      needsOwnRun: obeysDirectives && isNoCache(req),
    };
  }

  #obeys(req: IncomingMessage): boolean {
    try {
      return this.#settings.obeys(req) === true;
    } catch (error) {
      debug(() => ['requestDirectives() threw %s: the directives are ignored', error]);
      return false;
    }
  }

  /** Passes a request on to its handler without the cache. */
  #pass({ req, res, proceed, more }: Exchange, forwarded: Forwarded, reason: string): void {
    debug(() => ['%s %s: not from the cache, %s', req.method, req.url, reason]);
    counts.cache.bypass += 1;
    if (this.#settings.cacheStatus) addCacheStatus(res, `fwd=${forwarded}; detail=${reason}`);
    proceed(req, res, more);
  }

  /** Handles requests with a method other than GET and HEAD. */
  #handleOther(req: IncomingMessage, res: ServerResponse, proceed: Proceed, more: unknown): void {
    const { cacheStatus, query } = this.#settings;
    if (cacheStatus) addCacheStatus(res, 'fwd=method');
    const target = isSafe(req.method) ? undefined : this.#targetOf(req);
    if (target !== undefined) {
      new Invalidation(this.#parts.hooks, res, target.key, query, this.#invalidate);
    }
    proceed(req, res, more);
  }

  /** Responds to `only-if-cached` without a usable stored response (RFC 9111 section 5.2.1.7). */
  #refuse(res: ServerResponse, forwarded: Forwarded): void {
    counts.cache.miss += 1;
    res.statusCode = 504;
    res.setHeader('Cache-Control', 'no-store');
    if (this.#settings.cacheStatus) addCacheStatus(res, `detail=only-if-cached-${forwarded}`);
    res.end();
  }

  /** Refreshes a stale response in the background, unless that is in progress. Returns false if it is not possible. */
  #refresh({ req }: Exchange, target: Target, { key }: Lookup): boolean {
    // A request with inputs that are not part of the key must not produce the response for all clients.
    if (this.#parts.coalesced.has(key) || !this.mayRefresh() || unkeyedInput(req, target) !== undefined) {
      return true;
    }
    return this.#refreshes.start(req, key, this.#appOf(req));
  }

  #fillAgain(exchange: Exchange, target: Target, leader: Leader): void {
    const found = lookUp(this.#parts.store, target.key, exchange.req);
    const fill = (lookup: Lookup) => {
      const miss = this.#missOf(exchange, target, lookup, 'stale', undefined);
      new ForwardedRequest(this.#parts, miss).run({ leader });
    };
    if (isPromise(found)) void found.then(fill);
    else fill(found);
  }

  #targetOf(req: IncomingMessage): Target | undefined {
    const app = this.#appOf(req) as unknown as { settings?: Record<string, unknown> } | undefined;
    return targetOf(req, app?.settings?.['trust proxy fn'] as Trust | undefined, this.#settings.query);
  }

  #appOf(req: IncomingMessage): Application | undefined {
    return this.#app ?? (req as Partial<Request>).app;
  }
}

/** The names of the headers that a stored response sets. The entry may be damaged. */
function namesOf({ head }: StoredResponse): string[] {
  const names = head.headers.map((header) => String(header?.[0]));
  return [...names, 'age', 'content-length', 'content-range'];
}
