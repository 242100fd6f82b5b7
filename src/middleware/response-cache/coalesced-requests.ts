import { debugFor } from '../../support/debug.js';
import type { StoredResponse } from './stored-response.js';

const debug = debugFor('cache');

/** What coalesced requests get: the response, the key it is stored under, and what that depends on. */
export interface CoalescedResult {
  readonly key: string;
  readonly generation: string | undefined;
  readonly vary: readonly string[];
  readonly stored: StoredResponse;
}

/** How waiting ends: with a response, as the next leader, or without either. */
export type Outcome = { readonly result: CoalescedResult } | { readonly leader: Leader } | 'alone';

/** A request that waits for another one. */
export interface Waiter {
  /** False when its client is gone. */
  isWaiting(): boolean;
  resume(outcome: Outcome): void;
}

/** The request that fills a key reports once how that ended; a response that comes after a failure still counts. */
export interface Leader {
  /** There is a response that all may have; also those who come before it is `stored`, and did not find it there. */
  succeed(result: CoalescedResult, stored?: Promise<void>): void;
  /** The responses of this key are not for sharing: those who wait go on alone. */
  release(): void;
  /** It went wrong, and may go well next time: one of those who wait takes over. */
  fail(): void;
}

/** The requests for one key. */
interface Group {
  readonly key: string;
  readonly waiters: Map<Waiter, NodeJS.Timeout>;
  /** The leader that counts; those before it failed or took too long. */
  leader: object | undefined;
  timer: NodeJS.Timeout | undefined;
  /** Set while the response is on its way into the store. */
  result: CoalescedResult | undefined;
}

/**
 * One request at a time fills a key, and the others wait for it. Two limits, as with nginx's `proxy_cache_lock`: a leader
 * that takes half of `waitMs` is joined by one more, and nobody waits longer than `waitMs`.
 */
export class CoalescedRequests {
  readonly #waitMs: number;
  readonly #groups = new Map<string, Group>();

  constructor(waitMs: number) {
    this.#waitMs = waitMs;
  }

  /** How long a leader may take before another one joins it. */
  get leaderMs(): number {
    return Math.max(1, this.#waitMs / 2);
  }

  has(key: string): boolean {
    return this.#groups.has(key);
  }

  /** Takes the lead for a key that nobody fills. */
  lead(key: string): Leader {
    const group: Group = {
      key,
      waiters: new Map(),
      leader: undefined,
      timer: undefined,
      result: undefined,
    };
    this.#groups.set(key, group);
    return this.#leaderOf(group);
  }

  /** Waits for whoever fills a key; false when nobody does. */
  join(key: string, waiter: Waiter): boolean {
    const group = this.#groups.get(key);
    if (group === undefined) return false;
    if (group.result !== undefined) {
      resume(waiter, { result: group.result });
      return true;
    }
    const timer = setTimeout(() => {
      group.waiters.delete(waiter);
      if (waiter.isWaiting()) resume(waiter, 'alone');
    }, this.#waitMs).unref();
    group.waiters.set(waiter, timer);
    return true;
  }

  /** Forgets what is on its way into the store: it was purged. */
  forgetResults(): void {
    for (const [key, { result }] of this.#groups) if (result !== undefined) this.#groups.delete(key);
  }

  #holdUntil(stored: Promise<void>, group: Group, result: CoalescedResult): void {
    group.result = result;
    void stored.then(() => {
      if (this.#groups.get(group.key) === group) this.#groups.delete(group.key);
    });
  }

  #leaderOf(group: Group): Leader {
    const self = {};
    group.leader = self;
    clearTimeout(group.timer);
    group.timer = setTimeout(() => this.#next(group), this.leaderMs).unref();
    let reported = false;
    return {
      succeed: (result, stored) => {
        if (this.#groups.get(group.key) !== group || group.result !== undefined) return;
        if (stored !== undefined) this.#holdUntil(stored, group, result);
        this.#end(group, { result });
      },
      release: () => {
        if (reported) return;
        reported = true;
        if (this.#groups.get(group.key) === group && group.result === undefined) this.#end(group, 'alone');
      },
      fail: () => {
        if (reported) return;
        reported = true;
        // not on the stack of the one that failed: the next may fail at once, too, and so may hundreds after it
        setImmediate(() => {
          if (group.leader === self) this.#next(group);
        });
      },
    };
  }

  /** The first who still waits becomes the leader. */
  #next(group: Group): void {
    clearTimeout(group.timer);
    group.leader = undefined;
    for (const [waiter, limit] of group.waiters) {
      clearTimeout(limit);
      group.waiters.delete(waiter);
      if (!waiter.isWaiting()) continue;
      resume(waiter, { leader: this.#leaderOf(group) });
      return;
    }
    if (this.#groups.get(group.key) === group) this.#groups.delete(group.key);
  }

  #end(group: Group, outcome: Outcome): void {
    clearTimeout(group.timer);
    group.leader = undefined;
    if (group.result === undefined) this.#groups.delete(group.key);
    const waiters = [...group.waiters];
    group.waiters.clear();
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
    if (typeof outcome === 'object' && 'result' in outcome && waiter.isWaiting()) resume(waiter, 'alone');
  }
}
