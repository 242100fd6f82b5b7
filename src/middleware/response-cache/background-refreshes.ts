import type { IncomingMessage } from 'node:http';
import type { Application, Request } from 'express';
import { debugFor } from '../../support/debug.js';
import { outermost } from '../../support/express-layers.js';
import type { CacheParts } from './cache-parts.js';
import type { Leader } from './coalesced-requests.js';
import { detachedRequest, runDetached } from './detached-request.js';

const debug = debugFor('cache');

/** The time limit of a detached request. */
const refreshMs = 60_000;
/** The pause after a detached request that did not reach this cache. */
const retryMs = 60_000;

const refreshKey = Symbol('refresh');

/** The refresh that a detached request belongs to. */
interface Refresh {
  readonly by: BackgroundRefreshes;
  readonly leader: Leader;
  /** The mount path and the URL with which the original request was passed to this cache. */
  readonly place: string;
  reached: boolean;
}

type Refreshing = IncomingMessage & { [refreshKey]?: Refresh };

/** Refreshes stale responses after they are sent. The whole app handles one detached request per key. */
export class BackgroundRefreshes {
  readonly #store: CacheParts['store'];
  readonly #coalesced: CacheParts['coalesced'];
  readonly #running = new Set<string>();
  /** Whether a detached request has ever reached this cache, and if not, the time of the next attempt. */
  #reached = false;
  #retryAt = 0;

  constructor({ store, coalesced }: Pick<CacheParts, 'store' | 'coalesced'>) {
    this.#store = store;
    this.#coalesced = coalesced;
  }

  /** Sends a copy of `req`, unless a refresh is in progress. Returns false when a refresh is not possible. */
  start(req: IncomingMessage, key: string, app: Application | undefined): boolean {
    if (this.#running.has(key)) return true;
    if (app === undefined || (!this.#reached && Date.now() < this.#retryAt)) return false;
    // A detached request cannot have a client certificate.
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
        debug(() => ['%s: the refresh did not reach this cache', detached.url]);
      });
    };
    // The refresh starts later, so that the stale response is sent first.
    if (!this.#store.hasLeases) setImmediate(begin);
    else {
      void this.#store
        .lease(key, refreshMs)
        .then((endLease) => (endLease === undefined ? over() : begin(endLease)));
    }
    return true;
  }

  /** The leader that a detached request of this cache reports to. */
  leaderOf(req: IncomingMessage): Leader | undefined {
    const refresh = (req as Refreshing)[refreshKey];
    // An app that a handler calls directly receives a part of the URL, so the request differs there.
    if (refresh?.by !== this || refresh.place !== placeOf(req)) return undefined;
    refresh.reached = true;
    this.#reached = true;
    return refresh.leader;
  }
}

/** The mount path and the rest of the URL. */
function placeOf(req: IncomingMessage): string {
  return `${(req as Partial<Request>).baseUrl ?? ''} ${req.url}`;
}
