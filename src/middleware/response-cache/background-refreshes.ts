import type { IncomingMessage } from 'node:http';
import type { Application, Request } from 'express';
import { debugFor } from '../../support/debug.js';
import type { CacheParts } from './cache-parts.js';
import type { Leader } from './coalesced-requests.js';
import { detachedRequest, outermost, runDetached } from './detached-request.js';

const debug = debugFor('cache');

/** How long a response to a detached request may take. */
const refreshMs = 60_000;
/** How long an app is left alone that did not bring a detached request to this cache. */
const retryMs = 60_000;

const refreshKey = Symbol('refresh');

/** A detached request on its way to the cache that sent it. */
interface Refresh {
  readonly by: BackgroundRefreshes;
  readonly leader: Leader;
  /** Where the request that it copies was when it came to this cache. */
  readonly place: string;
  reached: boolean;
}

type Refreshing = IncomingMessage & { [refreshKey]?: Refresh };

/** Refreshes stale responses while they are sent: one detached request per key, through the whole app. */
export class BackgroundRefreshes {
  readonly #store: CacheParts['store'];
  readonly #coalesced: CacheParts['coalesced'];
  readonly #running = new Set<string>();
  /** Whether a detached request ever came back to this cache, and when the next attempt is where none did. */
  #reached = false;
  #retryAt = 0;

  constructor({ store, coalesced }: Pick<CacheParts, 'store' | 'coalesced'>) {
    this.#store = store;
    this.#coalesced = coalesced;
  }

  /** Sends a copy of `req`, unless one is on its way already; false where an app cannot be asked so. */
  start(req: IncomingMessage, key: string, app: Application | undefined): boolean {
    if (this.#running.has(key)) return true;
    if (app === undefined || (!this.#reached && Date.now() < this.#retryAt)) return false;
    // a client certificate cannot be shown again
    if ((req.socket as { authorized?: boolean } | undefined)?.authorized) return false;
    this.#running.add(key);
    const leader = this.#coalesced.lead(key);
    const refresh: Refresh = { by: this, leader, place: placeOf(req), reached: false };
    const detached = detachedRequest(req);
    (detached as Refreshing)[refreshKey] = refresh;
    const over = () => {
      leader.fail();
      this.#running.delete(key);
    };
    const begin = (endLease?: () => void) => {
      debug(() => ['%s: refreshed in the background', detached.url]);
      runDetached(outermost(app), detached, refreshMs, () => {
        over();
        endLease?.();
        if (refresh.reached) return;
        this.#retryAt = Date.now() + retryMs;
        debug(() => ['%s: the app did not bring a request of our own to this cache', detached.url]);
      });
    };
    // the stale response first
    if (!this.#store.hasLeases) setImmediate(begin);
    else {
      void this.#store
        .lease(key, refreshMs)
        .then((endLease) => (endLease === undefined ? over() : begin(endLease)));
    }
    return true;
  }

  /** What a request that was sent by this cache reports to. */
  leaderOf(req: IncomingMessage): Leader | undefined {
    const refresh = (req as Refreshing)[refreshKey];
    // an app that is called by another one by hand knows only its own part of the URL: there it is another request
    if (refresh?.by !== this || refresh.place !== placeOf(req)) return undefined;
    refresh.reached = true;
    this.#reached = true;
    return refresh.leader;
  }
}

/** What the routers on the way have taken off the URL, and what they left. */
function placeOf(req: IncomingMessage): string {
  return `${(req as Partial<Request>).baseUrl ?? ''} ${req.url}`;
}
