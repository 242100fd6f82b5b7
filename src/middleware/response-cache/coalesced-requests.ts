import { debugFor } from '../../support/debug.js';
import type { Stored } from './stored-response.js';

const debug = debugFor('cache');

/** What a flight brought: the response, the key it is stored under, and what that depends on. */
export interface Landing {
  readonly key: string;
  readonly generation: string | undefined;
  readonly vary: readonly string[];
  readonly stored: Stored;
}

/** How a flight ends for those who wait: with a response, with the lead, or without either. */
export type Outcome = { readonly landing: Landing } | { readonly lead: Lead } | 'alone';

/** A request that waits for another one. */
export interface Waiter {
  /** False when nobody is there to be answered any more. */
  isWaiting(): boolean;
  resume(outcome: Outcome): void;
}

/** The task to fill a key. It ends with the first of its reports; a response that comes later is still welcome. */
export interface Lead {
  /** A response that all may have; also those who come before it is `stored`, and did not find it there. */
  land(landing: Landing, stored?: Promise<void>): void;
  /** The answers to this key are not for sharing. */
  dissolve(): void;
  /** It went wrong, and may go well next time: one of the others takes over. */
  fail(): void;
}

interface Flight {
  readonly key: string;
  readonly waiters: Map<Waiter, NodeJS.Timeout>;
  /** The lead that counts; those before it failed or took too long. */
  current: object | undefined;
  timer: NodeJS.Timeout | undefined;
  /** What it brought, on its way into the store. */
  landing: Landing | undefined;
}

/**
 * One request at a time fills a key, and the others wait for it. Two limits, as with nginx's `proxy_cache_lock`: a lead
 * that takes half of `waitMs` is joined by one more, and nobody waits longer than `waitMs`.
 */
export class Flights {
  readonly #waitMs: number;
  readonly #flights = new Map<string, Flight>();

  constructor(waitMs: number) {
    this.#waitMs = waitMs;
  }

  /** How long a lead may take before another one joins it. */
  get leadMs(): number {
    return Math.max(1, this.#waitMs / 2);
  }

  has(key: string): boolean {
    return this.#flights.has(key);
  }

  /** Takes the lead for a key that nobody fills. */
  open(key: string): Lead {
    const flight: Flight = {
      key,
      waiters: new Map(),
      current: undefined,
      timer: undefined,
      landing: undefined,
    };
    this.#flights.set(key, flight);
    return this.#lead(flight);
  }

  /** Waits for whoever fills a key; false when nobody does. */
  join(key: string, waiter: Waiter): boolean {
    const flight = this.#flights.get(key);
    if (flight === undefined) return false;
    if (flight.landing !== undefined) {
      resume(waiter, { landing: flight.landing });
      return true;
    }
    const timer = setTimeout(() => {
      flight.waiters.delete(waiter);
      if (waiter.isWaiting()) resume(waiter, 'alone');
    }, this.#waitMs).unref();
    flight.waiters.set(waiter, timer);
    return true;
  }

  /** Forgets what is on its way into the store: it was purged. */
  forgetLanded(): void {
    for (const [key, { landing }] of this.#flights) if (landing !== undefined) this.#flights.delete(key);
  }

  #holdUntil(stored: Promise<void>, flight: Flight, landing: Landing): void {
    flight.landing = landing;
    void stored.then(() => {
      if (this.#flights.get(flight.key) === flight) this.#flights.delete(flight.key);
    });
  }

  #lead(flight: Flight): Lead {
    const self = {};
    flight.current = self;
    clearTimeout(flight.timer);
    flight.timer = setTimeout(() => this.#next(flight), this.leadMs).unref();
    let reported = false;
    return {
      land: (landing, stored) => {
        if (this.#flights.get(flight.key) !== flight || flight.landing !== undefined) return;
        if (stored !== undefined) this.#holdUntil(stored, flight, landing);
        this.#end(flight, { landing });
      },
      dissolve: () => {
        if (reported) return;
        reported = true;
        if (this.#flights.get(flight.key) === flight && flight.landing === undefined)
          this.#end(flight, 'alone');
      },
      fail: () => {
        if (reported) return;
        reported = true;
        // not on the stack of the one that failed: the next may fail at once, too, and so may hundreds after it
        setImmediate(() => {
          if (flight.current === self) this.#next(flight);
        });
      },
    };
  }

  /** Hands the lead to the first who still waits. */
  #next(flight: Flight): void {
    clearTimeout(flight.timer);
    flight.current = undefined;
    for (const [waiter, limit] of flight.waiters) {
      clearTimeout(limit);
      flight.waiters.delete(waiter);
      if (!waiter.isWaiting()) continue;
      resume(waiter, { lead: this.#lead(flight) });
      return;
    }
    if (this.#flights.get(flight.key) === flight) this.#flights.delete(flight.key);
  }

  #end(flight: Flight, outcome: Outcome): void {
    clearTimeout(flight.timer);
    flight.current = undefined;
    if (flight.landing === undefined) this.#flights.delete(flight.key);
    const waiters = [...flight.waiters];
    flight.waiters.clear();
    for (const [waiter, limit] of waiters) {
      clearTimeout(limit);
      if (waiter.isWaiting()) resume(waiter, outcome);
    }
  }
}

/** Lets a waiter go on. One that throws stops no other; what it cannot send, its handler makes. */
function resume(waiter: Waiter, outcome: Outcome): void {
  try {
    waiter.resume(outcome);
  } catch (error) {
    debug(() => ['a request that waited could not go on: %s', error]);
    if (typeof outcome === 'object' && 'landing' in outcome && waiter.isWaiting()) resume(waiter, 'alone');
  }
}
