/** A response as it is stored. */
export interface CacheEntry {
  /** What the cache knows of the response beside its body: plain JSON, which a store gives back as it was. */
  readonly head: Readonly<Record<string, unknown>>;
  /** The body, without an encoding that compression put on it. */
  readonly body: Buffer;
  /** When the entry is of no use to anybody any more, stale windows included; milliseconds since the epoch. */
  readonly expiresAt: number;
  /** The names by which it can be purged together with others. */
  readonly tags: readonly string[];
}

/** What to purge: one key, all keys that begin alike, or all entries with a tag. */
export type PurgeSelection =
  | { readonly key: string }
  | { readonly prefix: string }
  | { readonly tag: string };

/** How far a purge reached. */
export interface PurgeReport {
  /** Entries removed here, where the store can count them. */
  readonly removed?: number;
  /** `'process'` where other processes and hosts may go on with their own copies; `'all'` where none does. */
  readonly reach: 'process' | 'all';
}

/**
 * Where {@link responseCache} stores responses. A store may return values or promises: what is in memory should not
 * wait for a turn of the event loop. None of its functions may throw or reject for an outage; it then finds nothing, and
 * stores nothing.
 */
export interface CacheStore {
  get(key: string): CacheEntry | undefined | Promise<CacheEntry | undefined>;
  set(key: string, entry: CacheEntry): void | Promise<void>;
  purge(selection: PurgeSelection): PurgeReport | Promise<PurgeReport>;
  /**
   * Asks for the lease of a key: to be the one process that fills it. Resolves to a function that ends the lease, which
   * ends by itself after `limitMs`; or to `undefined` once the process that holds the lease has stored its entry, has
   * given up, or `limitMs` have passed. A store of one process does without.
   */
  lease?(key: string, limitMs: number): Promise<(() => void) | undefined>;
  /** Ends connections and timers of the store's own. */
  close?(): void | Promise<void>;
}
