import { AsyncResource } from 'node:async_hooks';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { debugFor } from '../../support/debug.js';
import type { CacheParts } from './cache-parts.js';
import type { CoalescedResult, Leader, Outcome, Waiter } from './coalesced-requests.js';
import { type Exchange, isOpen, type Miss } from './exchange.js';
import { type CaptureRole, ResponseCapture } from './response-capture.js';
import { lookUp, resultOf } from './response-storage.js';
import { isResponse, type StoredResponse } from './stored-response.js';
import { variantKey } from './vary.js';

const debug = debugFor('cache');

/** How often a request is looked up when what it waited for was another variant. */
const mostLookups = 4;

/** The parts of a cache that a forwarded request needs, and its ways back to a stored response. */
export interface ForwardingParts
  extends Pick<CacheParts, 'settings' | 'store' | 'coalesced' | 'hitForPass' | 'purges' | 'hooks'> {
  /** Sends a stored response; `status` is what `Cache-Status` says. */
  send(req: IncomingMessage, res: ServerResponse, stored: StoredResponse, now: number, status: string): void;
  /** Begins again with a lookup. */
  retry(exchange: Exchange, target: Miss['target']): void;
}

/** A request that the store has no response for: it goes to the handler, or waits for one that did. */
export class ForwardedRequest implements Waiter {
  readonly #parts: ForwardingParts;
  readonly #miss: Miss;
  #scope: AsyncResource | undefined;

  constructor(parts: ForwardingParts, miss: Miss) {
    this.#parts = parts;
    this.#miss = miss;
  }

  /** Waits for the request that fills the key, or becomes that one. */
  coalesce(): void {
    const { coalesced, store } = this.#parts;
    const { key } = this.#miss.lookup;
    if (coalesced.has(key)) {
      this.#scope = new AsyncResource('responseCache');
      coalesced.join(key, this);
      return;
    }
    const leader = coalesced.lead(key);
    if (store.hasLeases) void this.#runWithLease(leader);
    else this.run({ leader });
  }

  /** Asks the other processes first. */
  async #runWithLease(leader: Leader): Promise<void> {
    const { store, coalesced } = this.#parts;
    const { exchange, target, lookup } = this.#miss;
    const endLease = await store.lease(lookup.key, coalesced.leaderMs);
    if (endLease === undefined) {
      const again = await lookUp(store, target.key, exchange.req);
      const { entry } = again;
      if (entry !== undefined && isResponse(entry) && Date.now() < entry.head.freshUntil) {
        const result = resultOf(again, entry);
        leader.succeed(result);
        if (this.isWaiting()) this.#useStored(result);
        return;
      }
    }
    if (this.isWaiting()) this.run({ leader, endLease });
    else {
      leader.fail();
      endLease?.();
    }
  }

  isWaiting(): boolean {
    return isOpen(this.#miss.exchange.res);
  }

  resume(outcome: Outcome): void {
    (this.#scope as AsyncResource).runInAsyncScope(() => this.#resumed(outcome));
  }

  #resumed(outcome: Outcome): void {
    if (outcome === 'alone') this.#runAlone();
    else if ('leader' in outcome) this.run({ leader: outcome.leader });
    else this.#use(outcome.result);
  }

  #runAlone(): void {
    if (!this.isWaiting()) return;
    const now = Date.now();
    const { exchange, stale } = this.#miss;
    if (stale !== undefined && now < stale.head.errorUntil) {
      this.#parts.send(exchange.req, exchange.res, stale, now, 'fwd=stale; collapsed; detail=stale-if-error');
    } else this.run();
  }

  /** What another process stored may be nothing that can be sent. */
  #useStored(result: CoalescedResult): void {
    try {
      this.#use(result);
    } catch (error) {
      debug(() => ['%s: what another process stored cannot be sent: %s', result.key, error]);
      if (this.isWaiting()) this.run();
    }
  }

  /** Sends the response to the other request, where it is the one to this request, too. */
  #use({ key, generation, vary, stored }: CoalescedResult): void {
    const { exchange, target, forwarded, hasCredentials } = this.#miss;
    const { req, res } = exchange;
    const own = generation === undefined ? target.key : variantKey(target.key, generation, vary, req);
    if (own === key && (stored.head.open || !hasCredentials)) {
      this.#parts.send(req, res, stored, Date.now(), `fwd=${forwarded}; collapsed`);
    } else if (own !== key && exchange.lookups < mostLookups) this.#parts.retry(exchange, target);
    else this.run();
  }

  /** Goes to the handler. */
  run(role: CaptureRole = {}): void {
    const { req, res, proceed, more } = this.#miss.exchange;
    new ResponseCapture(this.#parts, this.#miss, role);
    proceed(req, res, more);
  }
}
