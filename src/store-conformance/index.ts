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
 * What {@link responseCache} relies on in a store of yours, as cases for any test runner. Each wants a store that is
 * empty, and that nobody else uses.
 *
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

/** The same for two stores that share what they keep, as two processes do. */
export const sharedStoreConformance: readonly SharedStoreCase[] = sharedCases;
