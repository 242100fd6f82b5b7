import { AsyncResource } from 'node:async_hooks';
import { debugFor } from '../../support/debug.js';
import type { CacheCore } from './cache-core.js';
import { Capture, type Errand } from './capture.js';
import type { Landing, Lead, Outcome, Waiter } from './coalesced-requests.js';
import { isOpen, type Miss } from './passage.js';
import { isResponse } from './stored-response.js';
import { landingOf } from './storing.js';
import { variantKey } from './vary.js';

const debug = debugFor('cache');

/** How often a request looks into the store when what it waited for was another variant. */
const mostLooks = 4;

/** A request that the store had no answer for: it goes to the handler, or waits for one that did. */
export class Exchange implements Waiter {
  readonly #core: CacheCore;
  readonly #miss: Miss;
  #scope: AsyncResource | undefined;

  constructor(core: CacheCore, miss: Miss) {
    this.#core = core;
    this.#miss = miss;
  }

  /** Waits for the request that fills the key, or becomes that one. */
  runShared(): void {
    const { flights, store } = this.#core;
    const { key } = this.#miss.found;
    if (flights.has(key)) {
      this.#scope = new AsyncResource('responseCache');
      flights.join(key, this);
      return;
    }
    const lead = flights.open(key);
    if (store.leads) void this.#leadForAll(lead);
    else this.run({ lead });
  }

  /** Asks the other processes first. */
  async #leadForAll(lead: Lead): Promise<void> {
    const { store, flights } = this.#core;
    const end = await store.lead(this.#miss.found.key, flights.leadMs);
    if (end === undefined) {
      const again = await this.#core.find(this.#miss.target.key, this.#miss.passage.req);
      const { entry } = again;
      if (entry !== undefined && isResponse(entry) && Date.now() < entry.head.freshUntil) {
        const landing = landingOf(again, entry);
        lead.land(landing);
        if (this.isWaiting()) this.#arriveSafely(landing);
        return;
      }
    }
    if (this.isWaiting()) this.run({ lead, endLead: end });
    else {
      lead.fail();
      end?.();
    }
  }

  isWaiting(): boolean {
    return isOpen(this.#miss.passage.res);
  }

  resume(outcome: Outcome): void {
    (this.#scope as AsyncResource).runInAsyncScope(() => this.#resumed(outcome));
  }

  #resumed(outcome: Outcome): void {
    if (outcome === 'alone') this.#goAlone();
    else if ('lead' in outcome) this.run({ lead: outcome.lead });
    else this.#arrive(outcome.landing);
  }

  #goAlone(): void {
    if (!this.isWaiting()) return;
    const now = Date.now();
    const stale = this.#miss.stale;
    const { req, res } = this.#miss.passage;
    if (stale !== undefined && now < stale.head.errorUntil) {
      this.#core.serve(req, res, stale, now, `fwd=stale; collapsed; detail=stale-if-error`);
    } else this.run();
  }

  /** What another process stored may be nothing that can be sent. */
  #arriveSafely(landing: Landing): void {
    try {
      this.#arrive(landing);
    } catch (error) {
      debug(() => ['%s: what another process stored cannot be sent: %s', landing.key, error]);
      if (this.isWaiting()) this.run();
    }
  }

  /** Takes what the other request brought, where it is the answer to this one, too. */
  #arrive({ key, generation, vary, stored }: Landing): void {
    const { req, res } = this.#miss.passage;
    const target = this.#miss.target.key;
    const own = generation === undefined ? target : variantKey(target, generation, vary, req);
    if (own === key && (stored.head.open || !this.#miss.credentials)) {
      this.#core.serve(req, res, stored, Date.now(), `fwd=${this.#miss.forwarded}; collapsed`);
    } else if (own !== key && this.#miss.passage.looks < mostLooks) {
      this.#core.look(this.#miss.passage, this.#miss.target);
    } else this.run();
  }

  /** Goes to the handler. */
  run(errand: Errand = {}): void {
    const { req, res, proceed, more } = this.#miss.passage;
    new Capture(this.#core, this.#miss, errand);
    proceed(req, res, more);
  }
}
