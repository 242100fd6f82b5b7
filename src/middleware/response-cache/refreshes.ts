import type { IncomingMessage } from 'node:http';
import type { Application, Request } from 'express';
import { debugFor } from '../../support/debug.js';
import type { Flights, Lead } from './coalesced-requests.js';
import { detachedRequest, outermost, runDetached } from './detached-request.js';
import type { StoreAccess } from './store-access.js';

const debug = debugFor('cache');

/** How long an answer for nobody may take. */
const refreshMs = 60_000;
/** How long an app is left alone that did not bring such a request to this cache. */
const retryMs = 60_000;

const refreshKey = Symbol('refresh');

/** A request for nobody, on its way to the cache that sent it. */
interface Refresh {
  readonly by: Refreshes;
  readonly lead: Lead;
  /** Where the request like it was when it came to this cache. */
  readonly place: string;
  reached: boolean;
}

type Refreshing = IncomingMessage & { [refreshKey]?: Refresh };

/** Makes stale answers anew behind the ones that are sent: one request for nobody per key, through the whole app. */
export class Refreshes {
  readonly #store: StoreAccess;
  readonly #flights: Flights;
  readonly #running = new Set<string>();
  /** Whether such a request ever came back to this cache, and when the next attempt is where none did. */
  #reached = false;
  #retryAt = 0;

  constructor(store: StoreAccess, flights: Flights) {
    this.#store = store;
    this.#flights = flights;
  }

  /** Sends one like `req`, unless it is on its way already; false where an app cannot be asked so. */
  start(req: IncomingMessage, key: string, app: Application | undefined): boolean {
    if (this.#running.has(key)) return true;
    if (app === undefined || (!this.#reached && Date.now() < this.#retryAt)) return false;
    // a client certificate cannot be shown again
    if ((req.socket as { authorized?: boolean } | undefined)?.authorized) return false;
    this.#running.add(key);
    const lead = this.#flights.open(key);
    const refresh: Refresh = { by: this, lead, place: placeOf(req), reached: false };
    const run = detachedRequest(req);
    (run as Refreshing)[refreshKey] = refresh;
    const over = () => {
      lead.fail();
      this.#running.delete(key);
    };
    const begin = (end?: () => void) => {
      debug(() => ['%s: refreshed in the background', run.url]);
      runDetached(outermost(app), run, refreshMs, () => {
        over();
        end?.();
        if (refresh.reached) return;
        this.#retryAt = Date.now() + retryMs;
        debug(() => ['%s: the app did not bring a request of our own to this cache', run.url]);
      });
    };
    // the stale answer first
    if (!this.#store.leads) setImmediate(begin);
    else void this.#store.lead(key, refreshMs).then((end) => (end ? begin(end) : over()));
    return true;
  }

  /** The lead that a request has when it is one of these. */
  leadOf(req: IncomingMessage): Lead | undefined {
    const refresh = (req as Refreshing)[refreshKey];
    // an app that is called by another one by hand knows only its own part of the URL: there it is another request
    if (refresh?.by !== this || refresh.place !== placeOf(req)) return undefined;
    refresh.reached = true;
    this.#reached = true;
    return refresh.lead;
  }
}

/** What the routers on the way have taken off the URL, and what they left. */
function placeOf(req: IncomingMessage): string {
  return `${(req as Partial<Request>).baseUrl ?? ''} ${req.url}`;
}
