import { debugFor } from '../../support/debug.js';
import type { StoredResponse } from './stored-response.js';

const debug = debugFor('cache');

/** The result for coalesced requests: the response, its key, and the fields that the key depends on. */
export interface CoalescedResult {
  readonly key: string;
  readonly generation: string | undefined;
  readonly vary: readonly string[];
  readonly stored: StoredResponse;
}

/** How waiting ends: with a result, as the next leader, or (`'alone'`) with the request's own handler. */
export type Outcome = { readonly result: CoalescedResult } | { readonly leader: Leader } | 'alone';

/** A request that waits for another one. */
export interface Waiter {
  /** False when its client has disconnected. */
  isWaiting(): boolean;
  resume(outcome: Outcome): void;
}

/** The request whose response is shared. It reports one outcome. A response after a failure is still used. */
export interface Leader {
  /** The response can be shared with all waiting requests, and with those that arrive before `stored` resolves. */
  succeed(result: CoalescedResult, stored?: Promise<void>): void;
  /** The response cannot be shared: each waiting request runs its handler. */
  release(): void;
  /** The request failed, and the next one may succeed: one waiting request becomes the leader. */
  fail(): void;
}

/** The requests for one key. */
interface Group {
  readonly key: string;
  readonly waiters: Map<Waiter, NodeJS.Timeout>;
  /** The current leader; earlier ones failed or took too long. */
  leader: object | undefined;
  timer: NodeJS.Timeout | undefined;
  /** Set while the response is being written to the store. */
  result: CoalescedResult | undefined;
}

/**
 * One request per key runs its handler, and the others wait for the result. Two limits apply, as with
 * `proxy_cache_lock` of nginx. After half of `waitMs` another request becomes the leader, and no request waits longer
 * than `waitMs`.
 */
export class CoalescedRequests {
  readonly #waitMs: number;
  readonly #groups = new Map<string, Group>();

  constructor(waitMs: number) {
    this.#waitMs = waitMs;
  }

  /** Milliseconds after which another request becomes the leader. */
  get leaderMs(): number {
    return Math.max(1, this.#waitMs / 2);
  }

  has(key: string): boolean {
    return this.#groups.has(key);
  }

  /** Becomes the leader of a key that has none. */
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

  /** Waits for the leader of a key; returns false when there is none. */
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

  /** Drops results that are being written to the store, because they were purged. */
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
        // The next leader starts asynchronously, so that many failing leaders do not overflow the stack.
        setImmediate(() => {
          if (group.leader === self) this.#next(group);
        });
      },
    };
  }

  /** The first request that is still waiting becomes the leader. */
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

/** Resumes a waiting request. When the result cannot be sent, its handler runs. An error does not affect the others. */
function resume(waiter: Waiter, outcome: Outcome): void {
  try {
    waiter.resume(outcome);
  } catch (error) {
    debug(() => ['a coalesced request could not be resumed: %s', error]);
    if (typeof outcome === 'object' && 'result' in outcome && waiter.isWaiting()) resume(waiter, 'alone');
  }
}
