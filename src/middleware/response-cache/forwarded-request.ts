import { AsyncResource } from 'node:async_hooks';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { debugFor } from '../../support/debug.js';
import { type CacheResult, counts } from '../../support/metrics/counts.js';
import type { CacheParts } from './cache-parts.js';
import type { Forwarded } from './cache-status.js';
import type { CoalescedResult, Leader, Outcome, Waiter } from './coalesced-requests.js';
import { type Exchange, isOpen, type Miss } from './exchange.js';
import { matchDirectives } from './request-directives.js';
import { type CaptureRole, ResponseCapture } from './response-capture.js';
import { lookUp, resultOf } from './response-storage.js';
import { isResponse, type StoredResponse } from './stored-response.js';
import { variantKey } from './vary.js';

const debug = debugFor('cache');

/** The maximum number of lookups for a request that waited for another variant. */
const mostLookups = 4;

const countedAs: Readonly<Record<Forwarded, CacheResult>> = {
  'uri-miss': 'miss',
  'vary-miss': 'miss',
  stale: 'stale',
  bypass: 'bypass',
  method: 'bypass',
  request: 'bypass',
};

/** The parts of a cache that a forwarded request needs, with callbacks to the cache. */
export interface ForwardingParts
  extends Pick<
    CacheParts,
    'settings' | 'store' | 'coalesced' | 'hitForPass' | 'purges' | 'variants' | 'hooks'
  > {
  /** Sends a stored response with these parameters in `Cache-Status`. */
  send(req: IncomingMessage, res: ServerResponse, stored: StoredResponse, now: number, status: string): void;
  /** Starts over with a lookup. */
  retry(exchange: Exchange, target: Miss['target']): void;
}

/** A request without a usable stored response. It is passed to its handler, or waits for the result of another one. */
export class ForwardedRequest implements Waiter {
  readonly #parts: ForwardingParts;
  readonly #miss: Miss;
  #scope: AsyncResource | undefined;

  constructor(parts: ForwardingParts, miss: Miss) {
    this.#parts = parts;
    this.#miss = miss;
  }

  /** Waits for the leader of the key, or becomes the leader. */
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

  /** Acquires the lease of the key and runs the handler, or sends the response that another process has stored. */
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
      counts.cache.collapsed += 1;
      this.#parts.send(exchange.req, exchange.res, stale, now, 'fwd=stale; collapsed; detail=stale-if-error');
    } else this.run();
  }

  /** Sends an entry of another process, or runs the handler if the entry is damaged. */
  #useStored(result: CoalescedResult): void {
    try {
      this.#use(result);
    } catch (error) {
      debug(() => ['%s: the entry of another process cannot be sent: %s', result.key, error]);
      if (this.isWaiting()) this.run();
    }
  }

  /** Sends the response of the other request, if it also matches this request. */
  #use({ key, generation, vary, stored }: CoalescedResult): void {
    const { exchange, target, forwarded, hasCredentials, obeysDirectives } = this.#miss;
    const { req, res } = exchange;
    const own = generation === undefined ? target.key : variantKey(target.key, generation, vary, req);
    if (obeysDirectives && matchDirectives(req, stored.head, Date.now()) === 'no') this.run();
    else if (own === key && (stored.head.open || !hasCredentials)) {
      this.#parts.send(req, res, stored, Date.now(), `fwd=${forwarded}; collapsed`);
      counts.cache.collapsed += 1;
    } else if (own !== key && exchange.lookups < mostLookups) this.#parts.retry(exchange, target);
    else this.run();
  }

  /** Passes the request to its handler. */
  run(role: CaptureRole = {}): void {
    const { forwarded } = this.#miss;
    const { req, res, proceed, more, lookups } = this.#miss.exchange;
    // a refresh in the background has no client
    if (lookups > 0) counts.cache[countedAs[forwarded]] += 1;
    new ResponseCapture(this.#parts, this.#miss, role);
    proceed(req, res, more);
  }
}
