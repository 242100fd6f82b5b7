import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Application, Request } from 'express';
import type { CacheEntry, PurgeReport, PurgeSelection } from '../cache-store.js';
import { debugFor } from '../support/debug.js';
import { storeSelection, type Target, targetOf } from './cache-key.js';
import type { CacheSettings } from './cache-settings.js';
import { addCacheStatus, type Forwarded } from './cache-status.js';
import { detachedRequest, outermost, runDetached } from './detached-run.js';
import { Exchange } from './exchange.js';
import { Flights, type Lead } from './flights.js';
import { Invalidation, isSafe } from './invalidation.js';
import { PassMarks } from './pass-marks.js';
import { type Found, isOpen, type Passage, type Proceed } from './passage.js';
import { PurgeLog } from './purge-log.js';
import { meetsWishes, wantsNothingStored, wantsOnlyCached } from './request-wishes.js';
import { responseHooks } from './response-hooks.js';
import { isAuthenticated } from './storability.js';
import { isPromise, type StoreAccess } from './store-access.js';
import { answerStored, rangeOf } from './stored-answer.js';
import { isMarker, isResponse, type Stored } from './stored-response.js';
import { hasOtherCookies, variantKey } from './vary.js';

const debug = debugFor('cache');

/** How long a key counts as one whose answers are not for sharing. */
const passMs = 600_000;
/** How long an answer for nobody may take. */
const refreshMs = 60_000;

const refreshKey = Symbol('refresh');

/** A run for nobody, on its way to the cache that asked for it. */
interface Refresh {
  readonly core: CacheCore;
  readonly lead: Lead;
  reached: boolean;
}

type Refreshing = IncomingMessage & { [refreshKey]?: Refresh };
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
  readonly #refreshing = new Set<string>();
  /** Turns false when a run for nobody did not come back to this cache. */
  #runsReach = true;

  constructor(settings: CacheSettings, store: StoreAccess) {
    this.settings = settings;
    this.store = store;
    this.flights = new Flights(settings.waitMs);
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
    const passage = { req, res, proceed, more };
    const reason = whyBypassed(req);
    const target = reason === undefined ? this.#target(req) : undefined;
    if (target === undefined) {
      this.pass(passage, 'bypass', reason ?? 'unusual-url');
      return;
    }
    const refresh = (req as Refreshing)[refreshKey];
    if (refresh?.core === this) {
      refresh.reached = true;
      this.#fillAgain(passage, target, refresh.lead);
      return;
    }
    this.look(passage, target);
  }

  /** Looks for an answer, and goes on with what it found: at once where the store answers at once. */
  look(passage: Passage, target: Target): void {
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
    const exchange = new Exchange(this, passage, target, found, forwarded, stale);
    if (unshared !== undefined) {
      if (stale === undefined) this.pass(passage, forwarded, unshared);
      else exchange.runUnstored(unshared);
    } else if (forwarded === 'bypass' || this.passes.has(exchange.passKey)) exchange.run(undefined);
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
    if (this.#refreshing.has(key) || this.flights.has(key) || !this.mayRefresh()) return true;
    const app = this.#appOf(req);
    if (!this.#runsReach || app === undefined) return false;
    this.#refreshing.add(key);
    const lead = this.flights.open(key);
    const refresh: Refresh = { core: this, lead, reached: false };
    const run = detachedRequest(req);
    (run as Refreshing)[refreshKey] = refresh;
    const over = () => {
      lead.fail();
      this.#refreshing.delete(key);
    };
    const start = (end?: () => void) => {
      debug(() => ['%s: refreshed in the background', target.key]);
      runDetached(outermost(app), run, refreshMs, () => {
        over();
        end?.();
        if (refresh.reached) return;
        this.#runsReach = false;
        debug(() => ['%s: the app did not bring a request of our own to this cache', target.key]);
      });
    };
    // the stale answer first
    if (!this.store.leads) setImmediate(start);
    else void this.store.lead(key, refreshMs).then((end) => (end ? start(end) : over()));
    return true;
  }

  #fillAgain(passage: Passage, target: Target, lead: Lead): void {
    const found = this.find(target.key, passage.req);
    const fill = (known: Found) => new Exchange(this, passage, target, known, 'stale', undefined).run(lead);
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

function whyBypassed(req: IncomingMessage): string | undefined {
  const { headers } = req;
  if (headers['transfer-encoding'] !== undefined) return 'request-body';
  const length = headers['content-length'];
  if (length !== undefined && length !== '0') return 'request-body';
  if ((req as { upgrade?: boolean }).upgrade === true || headers.upgrade?.toLowerCase() === 'websocket') {
    return 'upgrade';
  }
  if (headers['if-match'] !== undefined || headers['if-unmodified-since'] !== undefined)
    return 'precondition';
  return undefined;
}

/** Headers by which a client could have a say in an answer though they are no part of the key. */
const steering = [
  'forwarded',
  'x-forwarded-host',
  'x-forwarded-proto',
  'x-forwarded-scheme',
  'x-forwarded-ssl',
  'x-forwarded-prefix',
  'x-host',
  'x-original-host',
  'x-original-url',
  'x-rewrite-url',
  'x-http-method-override',
  'x-http-method',
  'x-method-override',
];

/** Why the answer to this request cannot be the answer to others. */
function whyUnshared(req: IncomingMessage, target: Target): string | undefined {
  if (req.method === 'HEAD') return 'head';
  if (req.headers.range !== undefined) return 'range';
  if (target.hasMore) return 'unlisted-query';
  if (wantsNothingStored(req)) return 'no-store';
  for (const name of steering) {
    if (req.headers[name] !== undefined && !target.believed.includes(name)) return name;
  }
  return undefined;
}

/** The headers that an answer from the store sets, as far as they can be read. */
function namesOf({ head }: Stored): string[] {
  const names = head.headers.map((header) => String(header?.[0]));
  return [...names, 'age', 'content-length', 'content-range'];
}
