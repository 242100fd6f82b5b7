/** A stored response. */
export interface CacheEntry {
  /** The metadata of the response: values that JSON can represent. A store returns it unchanged. */
  readonly head: Readonly<Record<string, unknown>>;
  /** The body, without an encoding of `compression`. */
  readonly body: Buffer;
  /** When the entry can be removed, stale periods included; milliseconds since the epoch. */
  readonly expiresAt: number;
  /** The tags by which it can be purged together with others. */
  readonly tags: readonly string[];
}

/** The entries to purge: one key, all keys with a prefix, or all entries with a tag. */
export type PurgeSelection =
  | { readonly key: string }
  | { readonly prefix: string }
  | { readonly tag: string };

/** The result of a purge. */
export interface PurgeReport {
  /** The number of removed entries, if the store can count them. */
  readonly removed?: number;
  /** `'process'` when other processes may still serve their copies, `'all'` when no process does. */
  readonly reach: 'process' | 'all';
}

/**
 * Where {@link responseCache} stores responses. A store may return values or promises; a value avoids a turn of the
 * event loop. Its functions must not throw or reject during an outage: the store then finds and stores nothing.
 */
export interface CacheStore {
  get(key: string): CacheEntry | undefined | Promise<CacheEntry | undefined>;
  set(key: string, entry: CacheEntry): void | Promise<void>;
  purge(selection: PurgeSelection): PurgeReport | Promise<PurgeReport>;
  /**
   * Adds a listener for the purges of other processes. Requests that arrive after a purge then do not share a response
   * whose handler started before it. A store of one process does not need this function.
   */
  onPurge?(listener: (selection: PurgeSelection) => void): void;
  /**
   * Acquires the lease of a key, so that one process runs the handler for it. Resolves to a function that ends the
   * lease, which expires after `limitMs`. Resolves to `undefined` when the lease of another process has ended, with or
   * without a stored entry, or when `limitMs` have passed. A store of one process does not need this function.
   */
  lease?(key: string, limitMs: number): Promise<(() => void) | undefined>;
  /** Closes the connections and timers of the store. */
  close?(): void | Promise<void>;
}
