import type {
  CacheEntry,
  CacheStore,
  PurgeReport,
  PurgeSelection,
} from '../middleware/response-cache/cache-store.js';
import type { SharedStoreCase, StoreCase } from './case.js';
import { entryCases } from './entry-cases.js';
import { purgeCases } from './purge-cases.js';
import { sharedCases } from './shared-cases.js';

export type { CacheEntry, CacheStore, PurgeReport, PurgeSelection, SharedStoreCase, StoreCase };

/**
 * The requirements of {@link responseCache} for a store, as cases for any test runner. Each case needs an empty store
 * that no other code uses.
 * @example
 * for (const { name, run } of storeConformance) {
 *   test(name, async () => {
 *     const store = myStore();
 *     await run(store);
 *     await store.close?.();
 *   });
 * }
 */
export const storeConformance: readonly StoreCase[] = [...entryCases, ...purgeCases];

/** The requirements for two stores that share their entries, as in two processes. */
export const sharedStoreConformance: readonly SharedStoreCase[] = sharedCases;
