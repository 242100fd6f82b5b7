import { performance } from 'node:perf_hooks';
import type {
  CacheEntry,
  CacheStore,
  PurgeReport,
  PurgeSelection,
} from '../middleware/response-cache/cache-store.js';
import { isPromise } from '../support/is-promise.js';
import { maxUncheckedMs, type Subscription } from './subscription.js';

/** The store in this process. While messages of purges may be missed, its entries expire after a second at most. */
export class LocalStore {
  /** The number of purges. An entry that was read from Redis during one may be outdated. */
  purges = 0;
  readonly #store: CacheStore | false;
  readonly #subscription: Subscription;
  /** The entries that expire after a second, with the original entries. */
  readonly #shortLived = new WeakMap<CacheEntry, CacheEntry>();

  constructor(store: CacheStore | false, subscription: Subscription) {
    this.#store = store;
    this.#subscription = subscription;
  }

  get(key: string): CacheEntry | undefined | Promise<CacheEntry | undefined> {
    if (!this.#store) return undefined;
    // This call purges the store when messages may have been missed.
    this.#subscription.isCurrent(performance.now());
    const entry = this.#store.get(key);
    return isPromise(entry) || entry === undefined ? entry : (this.#shortLived.get(entry) ?? entry);
  }

  set(key: string, entry: CacheEntry): void {
    if (!this.#store) return;
    if (this.#subscription.isCurrent(performance.now())) {
      this.#store.set(key, entry);
      return;
    }
    const shortLived = { ...entry, expiresAt: Math.min(entry.expiresAt, Date.now() + maxUncheckedMs) };
    this.#shortLived.set(shortLived, entry);
    this.#store.set(key, shortLived);
  }

  purge(selection: PurgeSelection): PurgeReport | Promise<PurgeReport> | undefined {
    this.purges++;
    return this.#store ? this.#store.purge(selection) : undefined;
  }
}
