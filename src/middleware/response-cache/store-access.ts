import { debugFor } from '../../support/debug.js';
import { quote, warnOnce } from '../../support/errors.js';
import { isPromise } from '../../support/is-promise.js';
import { withTimeLimit } from '../../support/time-limit.js';
import type { CacheEntry, CacheStore, PurgeReport, PurgeSelection } from './cache-store.js';

const debug = debugFor('cache');

type Found = CacheEntry | undefined;

/**
 * Wraps a store so that calls never throw, never reject, and never take longer than `timeoutMs`. A failure is treated
 * as a miss and causes one warning per process.
 */
export class StoreAccess {
  readonly #store: CacheStore;
  readonly #timeoutMs: number;

  constructor(store: CacheStore, timeoutMs: number) {
    this.#store = store;
    this.#timeoutMs = timeoutMs;
  }

  /** Whether the store supports leases. */
  get hasLeases(): boolean {
    return this.#store.lease !== undefined;
  }

  get(key: string): Found | Promise<Found> {
    try {
      const found = this.#store.get(key);
      return isPromise(found)
        ? this.#inTime('get', found, this.#timeoutMs, undefined).then(readable)
        : readable(found);
    } catch (error) {
      this.#failed('get', error);
      return undefined;
    }
  }

  /** Resolves when the entry is stored or the store has failed. Returns `undefined` when the store is synchronous. */
  set(key: string, entry: CacheEntry): Promise<void> | undefined {
    try {
      const done = this.#store.set(key, entry);
      if (isPromise(done)) return this.#inTime('set', done, this.#timeoutMs, undefined);
    } catch (error) {
      this.#failed('set', error);
    }
    return undefined;
  }

  purge(selection: PurgeSelection): PurgeReport | Promise<PurgeReport> {
    const failed: PurgeReport = { reach: 'process' };
    try {
      const done = this.#store.purge(selection);
      return isPromise(done) ? this.#inTime('purge', done, 10 * this.#timeoutMs, failed) : done;
    } catch (error) {
      this.#failed('purge', error);
      return failed;
    }
  }

  /** Waits for calls of the store, but no longer than for one. */
  inTime(calls: Promise<unknown>): Promise<unknown> {
    return withTimeLimit(calls, this.#timeoutMs, () => {}, { ref: false });
  }

  onPurge(listener: (selection: PurgeSelection) => void): void {
    this.#store.onPurge?.(listener);
  }

  /** Acquires the lease of a key. Resolves to `undefined` when another process held it. */
  async lease(key: string, limitMs: number): Promise<(() => void) | undefined> {
    const alone = () => {};
    try {
      const pending = this.#store.lease?.(key, limitMs);
      if (pending === undefined) return alone;
      const end = await this.#inTime('lease', pending, limitMs + this.#timeoutMs, alone);
      return end && (() => this.#end(end));
    } catch (error) {
      this.#failed('lease', error);
      return alone;
    }
  }

  #end(end: () => void): void {
    try {
      end();
    } catch (error) {
      this.#failed('lease', error);
    }
  }

  #inTime<Result>(
    call: string,
    promise: Promise<Result>,
    limitMs: number,
    otherwise: Result,
  ): Promise<Result> {
    const failed = (error: unknown): Result => {
      this.#failed(call, error);
      return otherwise;
    };
    const late = (): Result => failed(`no result in ${limitMs} ms`);
    return withTimeLimit(promise.then(undefined, failed), limitMs, late, { ref: false });
  }

  #failed(call: string, error: unknown): void {
    debug(() => ['the store failed in %s: %s', call, error]);
    warnOnce(
      'ERR_PRODUCTIONIZE_CACHE_STORE',
      `The store of the response cache failed in ${call}(): ${quote(error)}. Requests go to their handlers.`,
    );
  }
}

/** The entry that a store returned, if it is readable. */
function readable(found: Found): Found {
  return found?.head != null && Buffer.isBuffer(found.body) ? found : undefined;
}
