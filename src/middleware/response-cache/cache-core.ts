import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Application, Request } from 'express';
import { debugFor } from '../../support/debug.js';
import { Exchange } from './cache-exchange.js';
import { storeSelection, type Target, targetOf } from './cache-key.js';
import type { CacheSettings } from './cache-settings.js';
import { addCacheStatus, type Forwarded } from './cache-status.js';
import type { CacheEntry, PurgeReport, PurgeSelection } from './cache-store.js';
import { Flights, type Lead } from './coalesced-requests.js';
import { PassMarks } from './hit-for-pass.js';
import { Invalidation, isSafe } from './invalidation.js';
import { type Found, isOpen, type Miss, type Passage, type Proceed, passKeyOf } from './passage.js';
import { PurgeLog } from './purge-log.js';
import { Refreshes } from './refreshes.js';
import { steeredBy, whyBypassed, whyUnshared } from './request-checks.js';
import { meetsWishes, wantsOnlyCached } from './request-directives.js';
import { responseHooks } from './response-hooks.js';
import { answerStored, rangeOf } from './send-stored-response.js';
import { isAuthenticated } from './storability.js';
import { isPromise, type StoreAccess } from './store-access.js';
import { isMarker, isResponse, type Stored } from './stored-response.js';
import { hasOtherCookies, variantKey } from './vary.js';

const debug = debugFor('cache');

/** How long a key counts as one whose answers are not for sharing. */
const passMs = 600_000;
type Trust = (address: string | undefined, hop: number) => boolean;

/** One cache: what {@link responseCache} does, without Express's manners. */
export class CacheCore {
  readonly settings: CacheSettings;
  readonly store: StoreAccess;
  readonly flights: Flights;
  readonly passes = new PassMarks(passMs);
  readonly purges = new PurgeLog();
  readonly hooks = responseHooks();
  /** Whether a new run for nobody may begin; an app that drains says no. */
  mayRefresh: () => boolean = () => true;

  #app: Application | undefined;
  readonly #refreshes: Refreshes;

  constructor(settings: CacheSettings, store: StoreAccess) {
    this.settings = settings;
    this.store = store;
    this.flights = new Flights(settings.waitMs);
    this.#refreshes = new Refreshes(store, this.flights);
  }

  /** Makes the app known to a cache that stands before its router. */
  attach(app: Application | undefined): void {
    this.#app = app;
  }

  handle(req: IncomingMessage, res: ServerResponse, proceed: Proceed, more: unknown): void {
    const { method } = req;
    if (this.hooks.watches(res)) {
      debug(() => ['%s %s: this cache is mounted twice, the first one decides', method, req.url]);
      proceed(req, res, more);
      return;
    }
    if (method !== 'GET' && method !== 'HEAD') {
      this.#passOther(req, res, proceed, more);
      return;
    }
    const passage = { req, res, proceed, more, looks: 0 };
    const reason = whyBypassed(req);
    const target = reason === undefined ? this.#target(req) : undefined;
    if (target === undefined) {
      this.pass(passage, 'bypass', reason ?? 'unusual-url');
      return;
    }
    const lead = this.#refreshes.leadOf(req);
    if (lead !== undefined) {
      this.#fillAgain(passage, target, lead);
      return;
    }
    this.look(passage, target);
  }

  /** Looks for an answer, and goes on with what it found: at once where the store answers at once. */
  look(passage: Passage, target: Target): void {
    passage.looks += 1;
    const found = this.find(target.key, passage.req);
    if (!isPromise(found)) this.#answer(passage, target, found);
    else {
      void found.then((late) => {
        if (isOpen(passage.res)) this.#answer(passage, target, late);
      });
    }
  }

  find(key: string, req: IncomingMessage): Found | Promise<Found> {
    const entry = this.store.get(key);
    return isPromise(entry)
      ? entry.then((late) => this.#variant(key, req, late))
      : this.#variant(key, req, entry);
  }

  #variant(key: string, req: IncomingMessage, entry: CacheEntry | undefined): Found | Promise<Found> {
    if (entry === undefined || !isMarker(entry)) return { entry, marker: undefined, key };
    const { generation, vary } = entry.head;
    const variant = variantKey(key, generation, vary, req);
    const found = this.store.get(variant);
    return isPromise(found)
      ? found.then((late) => ({ entry: late, marker: entry, key: variant }))
      : { entry: found, marker: entry, key: variant };
  }

  #answer(passage: Passage, target: Target, found: Found): void {
    const { req } = passage;
    const { entry, marker } = found;
    const stored = entry !== undefined && isResponse(entry) ? entry : undefined;
    let forwarded: Forwarded = marker === undefined ? 'uri-miss' : 'vary-miss';
    let stale: Stored | undefined;
    if (stored !== undefined) {
      const { head } = stored;
      const now = Date.now();
      const wish = this.#obeys(req) ? meetsWishes(req, head, now) : 'fresh';
      if (!head.open && this.hasCredentials(req)) forwarded = 'bypass';
      else if (wish === 'no') forwarded = 'request';
      else if (now < head.freshUntil || wish === 'stale') {
        if (this.#serve(passage, stored, now)) return;
        forwarded = 'request';
      } else if (now < head.staleUntil && this.#refresh(passage, target, found)) {
        if (this.#serve(passage, stored, now)) return;
        forwarded = 'request';
      } else {
        forwarded = 'stale';
        stale = stored;
      }
    }
    if (wantsOnlyCached(req)) {
      this.#refuse(passage.res, forwarded);
      return;
    }
    this.#forward(passage, target, found, forwarded, stale);
  }

  /** Answers from the store; false where the handler has to, since the range asked for is none of this response. */
  #serve({ req, res }: Passage, stored: Stored, now: number): boolean {
    if (req.headers.range !== undefined && rangeOf(req, stored) === 'unclear') return false;
    try {
      this.serve(req, res, stored, now, `hit; ttl=${Math.ceil((stored.head.freshUntil - now) / 1000)}`);
    } catch (error) {
      debug(() => ['%s %s: what was stored cannot be sent: %s', req.method, req.url, error]);
      if (res.headersSent) return true;
      for (const name of namesOf(stored)) if (res.hasHeader(name)) res.removeHeader(name);
      res.statusCode = 200;
      return false;
    }
    return true;
  }

  serve(req: IncomingMessage, res: ServerResponse, stored: Stored, now: number, status: string): void {
    answerStored(req, res, stored, now, this.settings.cacheStatus ? status : undefined);
  }

  #forward(
    passage: Passage,
    target: Target,
    found: Found,
    forwarded: Forwarded,
    stale: Stored | undefined,
  ): void {
    const { req } = passage;
    const unshared = whyUnshared(req, target);
    const miss: Miss = { passage, target, found, forwarded, stale, credentials: this.hasCredentials(req) };
    const exchange = new Exchange(this, miss);
    if (unshared !== undefined) {
      if (stale === undefined) this.pass(passage, forwarded, unshared);
      else exchange.run({ unstored: unshared });
    } else if (forwarded === 'bypass' || this.passes.has(passKeyOf(miss))) exchange.run();
    else exchange.runShared();
  }

  #obeys(req: IncomingMessage): boolean {
    try {
      return this.settings.obeys(req) === true;
    } catch (error) {
      debug(() => ['requestDirectives() threw %s: they do not count', error]);
      return false;
    }
  }

  /** Lets a request go to its handler, and says so. */
  pass({ req, res, proceed, more }: Passage, forwarded: Forwarded, reason: string): void {
    debug(() => ['%s %s: not from the cache, %s', req.method, req.url, reason]);
    if (this.settings.cacheStatus) addCacheStatus(res, `fwd=${forwarded}; detail=${reason}`);
    proceed(req, res, more);
  }

  #passOther(req: IncomingMessage, res: ServerResponse, proceed: Proceed, more: unknown): void {
    if (this.settings.cacheStatus) addCacheStatus(res, 'fwd=method');
    const target = isSafe(req.method) ? undefined : this.#target(req);
    if (target !== undefined) this.hooks.watch(res, new Invalidation(this, res, target.key));
    proceed(req, res, more);
  }

  /** Removes one response from the store. */
  forget(key: string): void {
    void this.store.purge({ key });
  }

  /** Drops a URL's entry, and what is on its way to become one. */
  drop(key: string): void {
    this.purges.add({ key });
    this.flights.forgetLanded();
    void this.store.purge({ key });
  }

  purge(selection: PurgeSelection): Promise<PurgeReport> {
    const selected = storeSelection(selection, this.settings.query);
    this.purges.add(selected);
    this.flights.forgetLanded();
    return this.store.purge(selected);
  }

  /** RFC 9111 section 5.2.1.7. */
  #refuse(res: ServerResponse, forwarded: Forwarded): void {
    res.statusCode = 504;
    res.setHeader('Cache-Control', 'no-store');
    if (this.settings.cacheStatus) addCacheStatus(res, `detail=only-if-cached-${forwarded}`);
    res.end();
  }

  /** Starts to make a stale answer anew, unless somebody is at it; false where the request itself has to. */
  #refresh({ req }: Passage, target: Target, { key }: Found): boolean {
    // a client that has a say in the answer is no model for one that all get
    if (this.flights.has(key) || !this.mayRefresh() || steeredBy(req, target) !== undefined) return true;
    return this.#refreshes.start(req, key, this.#appOf(req));
  }

  #fillAgain(passage: Passage, target: Target, lead: Lead): void {
    const found = this.find(target.key, passage.req);
    const credentials = this.hasCredentials(passage.req);
    const fill = (known: Found) => {
      const miss: Miss = { passage, target, found: known, forwarded: 'stale', stale: undefined, credentials };
      new Exchange(this, miss).run({ lead });
    };
    if (isPromise(found)) void found.then(fill);
    else fill(found);
  }

  hasCredentials(req: IncomingMessage): boolean {
    return isAuthenticated(req) || hasOtherCookies(req, this.settings.cookies);
  }

  #target(req: IncomingMessage): Target | undefined {
    const settings = (this.#appOf(req) as unknown as { settings?: Record<string, unknown> } | undefined)
      ?.settings;
    return targetOf(req, settings?.['trust proxy fn'] as Trust | undefined, this.settings.query);
  }

  #appOf(req: IncomingMessage): Application | undefined {
    return this.#app ?? (req as Partial<Request>).app;
  }
}

/** The headers that an answer from the store sets, as far as they can be read. */
function namesOf({ head }: Stored): string[] {
  const names = head.headers.map((header) => String(header?.[0]));
  return [...names, 'age', 'content-length', 'content-range'];
}
