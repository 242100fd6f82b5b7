import { performance } from 'node:perf_hooks';
import type {
  CacheEntry,
  CacheStore,
  PurgeReport,
  PurgeSelection,
} from '../middleware/response-cache/cache-store.js';
import { isPromise } from '../support/is-promise.js';
import { leaseMs, type Subscription } from './subscription.js';

/** The store in this process, which keeps nothing for more than a second of which it might not hear that it is purged. */
export class NearStore {
  /** Counts what makes an entry doubtful that is on its way from Redis. */
  doubts = 0;
  readonly #store: CacheStore | false;
  readonly #subscription: Subscription;
  /** Entries that are kept for a second, with those they are copies of. */
  readonly #brief = new WeakMap<CacheEntry, CacheEntry>();

  constructor(store: CacheStore | false, subscription: Subscription) {
    this.#store = store;
    this.#subscription = subscription;
  }

  get(key: string): CacheEntry | undefined | Promise<CacheEntry | undefined> {
    if (!this.#store) return undefined;
    // drops everything when it is not
    this.#subscription.isCurrent(performance.now());
    const entry = this.#store.get(key);
    return isPromise(entry) || entry === undefined ? entry : (this.#brief.get(entry) ?? entry);
  }

  keep(key: string, entry: CacheEntry): void {
    if (!this.#store) return;
    if (this.#subscription.isCurrent(performance.now())) {
      this.#store.set(key, entry);
      return;
    }
    const brief = { ...entry, expiresAt: Math.min(entry.expiresAt, Date.now() + leaseMs) };
    this.#brief.set(brief, entry);
    this.#store.set(key, brief);
  }

  drop(selection: PurgeSelection): PurgeReport | Promise<PurgeReport> | undefined {
    this.doubts++;
    return this.#store ? this.#store.purge(selection) : undefined;
  }
}
