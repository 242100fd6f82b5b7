import { debugFor } from '../../support/debug.js';
import { quote, warnOnce } from '../../support/errors.js';
import { isPromise } from '../../support/is-promise.js';
import { withTimeLimit } from '../../support/time-limit.js';
import type { CacheEntry, CacheStore, PurgeReport, PurgeSelection } from './cache-store.js';

const debug = debugFor('cache');

type Found = CacheEntry | undefined;

/**
 * A store as the request path sees it: it never throws, never rejects, and never takes longer than `timeoutMs`.
 * Whatever goes wrong is a miss, with one warning per process.
 */
export class StoreAccess {
  readonly #store: CacheStore;
  readonly #timeoutMs: number;

  constructor(store: CacheStore, timeoutMs: number) {
    this.#store = store;
    this.#timeoutMs = timeoutMs;
  }

  /** Whether processes lease the keys that they fill. */
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

  /** Resolves when the entry is stored, or never will be; `undefined` where that is known at once. */
  set(key: string, entry: CacheEntry): Promise<void> | undefined {
    try {
      const done = this.#store.set(key, entry);
      if (isPromise(done)) return this.#inTime('set', done, this.#timeoutMs, undefined);
    } catch (error) {
      this.#failed('set', error);
    }
    return undefined;
  }

  async purge(selection: PurgeSelection): Promise<PurgeReport> {
    const failed: PurgeReport = { reach: 'process' };
    try {
      const done = this.#store.purge(selection);
      return isPromise(done) ? await this.#inTime('purge', done, 10 * this.#timeoutMs, failed) : done;
    } catch (error) {
      this.#failed('purge', error);
      return failed;
    }
  }

  /** Asks to fill a key for all processes; `undefined` when another one did, or was to. */
  async lease(key: string, limitMs: number): Promise<(() => void) | undefined> {
    const alone = () => {};
    try {
      const asked = this.#store.lease?.(key, limitMs);
      if (asked === undefined) return alone;
      const end = await this.#inTime('lease', asked, limitMs + this.#timeoutMs, alone);
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
      `The cache's store failed in ${call}(): ${quote(error)}. Requests go on to their handlers.`,
    );
  }
}

/** What can be read of what a store gave. */
function readable(found: Found): Found {
  return found?.head != null && Buffer.isBuffer(found.body) ? found : undefined;
}
