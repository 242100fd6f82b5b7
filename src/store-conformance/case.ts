import assert from 'node:assert/strict';
import { setTimeout as delay } from 'node:timers/promises';
import type { CacheEntry, CacheStore, PurgeSelection } from '../middleware/response-cache/cache-store.js';

/** One requirement for every {@link CacheStore}. */
export interface StoreCase {
  readonly name: string;
  /** Resolves when the store meets the requirement; rejects with an `AssertionError` when it does not. */
  run(store: CacheStore): Promise<void>;
}

/** One requirement for two stores that share their entries, as in two processes. */
export interface SharedStoreCase {
  readonly name: string;
  run(one: CacheStore, other: CacheStore): Promise<void>;
}

/** An entry that expires after a minute. */
export function entryOf(body: string | Buffer, tags: readonly string[] = []): CacheEntry {
  return {
    head: { status: 200, fields: [['content-type', 'text/plain']] },
    body: Buffer.from(body as string),
    expiresAt: Date.now() + 60_000,
    tags,
  };
}

export async function assertStored(store: CacheStore, key: string, entry: CacheEntry): Promise<void> {
  const found = await store.get(key);
  assert.ok(found, `expected an entry at ${JSON.stringify(key)}, found none`);
  assert.deepEqual(
    { ...found, tags: [...found.tags].sort() },
    { ...entry, tags: [...entry.tags].sort() },
    `the entry at ${JSON.stringify(key)} differs from the one that was stored`,
  );
}

export async function assertNone(store: CacheStore, key: string): Promise<void> {
  assert.equal(await store.get(key), undefined, `expected no entry at ${JSON.stringify(key)}`);
}

/** Purges, and checks the form of the report. */
export async function purge(store: CacheStore, selection: PurgeSelection) {
  const report = await store.purge(selection);
  const { removed, reach } = report;
  assert.ok(reach === 'all' || reach === 'process', `expected reach to be 'all' or 'process', got ${reach}`);
  assert.ok(
    removed === undefined || (Number.isSafeInteger(removed) && removed >= 0),
    `expected removed to be a count, got ${removed}`,
  );
  return report;
}

/** Polls until there is no entry, for a second at most. */
export async function assertRemovedSoon(store: CacheStore, key: string): Promise<void> {
  for (const limit = Date.now() + 1000; Date.now() < limit; await delay(10)) {
    if ((await store.get(key)) === undefined) return;
  }
  await assertNone(store, key);
}
