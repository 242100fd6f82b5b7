import type { CacheEntry } from './cache-store.js';

/** The format of what is stored; entries of another one, from an older version in a shared store, are misses. */
const version = 1;

/** A header, as `setHeader` takes it. */
export type HeaderValue = string | readonly string[];

/** What is stored of a response beside its body. */
export interface StoredHead {
  readonly v: typeof version;
  readonly status: number;
  /** A status text of the app's own. */
  readonly message?: string;
  readonly headers: readonly (readonly [name: string, value: HeaderValue])[];
  readonly etag?: string;
  readonly modified?: string;
  /** Whether the route offers ranges of it. */
  readonly ranges: boolean;
  /** When the response had age 0; milliseconds since the epoch, as all times here. */
  readonly bornAt: number;
  readonly freshUntil: number;
  /** Until when it may be served while it is being refreshed, and where refreshing fails (RFC 5861). */
  readonly staleUntil: number;
  readonly errorUntil: number;
  /** Whether requests with credentials may get it: it says `public` or `s-maxage`. */
  readonly open: boolean;
  /** The route pattern, for the log. */
  readonly route?: string;
}

/**
 * What stands under the key of a URL whose responses vary: the request headers that matter, and a generation that is part
 * of the keys of all variants. Without the marker none of them is found any more.
 */
export interface VaryMarker {
  readonly v: typeof version;
  readonly vary: readonly string[];
  readonly generation: string;
}

/** A response that was found in a store. */
export interface StoredResponse {
  readonly head: StoredHead;
  readonly body: Buffer;
}

export function isResponse(entry: CacheEntry): entry is CacheEntry & StoredResponse {
  const { v, headers, bornAt } = entry.head as Partial<StoredHead>;
  return v === version && Array.isArray(headers) && typeof bornAt === 'number';
}

export function isMarker(entry: CacheEntry): entry is CacheEntry & { head: VaryMarker } {
  const { v, vary } = entry.head as Partial<VaryMarker>;
  return v === version && Array.isArray(vary) && vary.every((field) => typeof field === 'string');
}

export function responseHead(head: Omit<StoredHead, 'v'>): StoredHead {
  return { v: version, ...head };
}

export function markerHead(vary: readonly string[], generation: string): VaryMarker {
  return { v: version, vary, generation };
}
