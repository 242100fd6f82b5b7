import type { CacheEntry } from './cache-store.js';

/** The version of the format. Entries of another version in a shared store are misses. */
const version = 1;

/** A header value, as `setHeader` accepts it. */
export type HeaderValue = string | readonly string[];

/** The stored metadata of a response. */
export interface StoredHead {
  readonly v: typeof version;
  readonly status: number;
  /** The reason phrase that the app has set. */
  readonly message?: string;
  readonly headers: readonly (readonly [name: string, value: HeaderValue])[];
  readonly etag?: string;
  readonly modified?: string;
  /** Whether the route supports ranges (`Accept-Ranges`). */
  readonly ranges: boolean;
  /** When the response had age 0; milliseconds since the epoch, as all times here. */
  readonly bornAt: number;
  readonly freshUntil: number;
  /** The ends of the times in which it may be served: while it is revalidated, and instead of an error (RFC 5861). */
  readonly staleUntil: number;
  readonly errorUntil: number;
  /** Whether it may be sent to requests with credentials, because it has `public` or `s-maxage`. */
  readonly open: boolean;
  /** The route pattern, for the log. */
  readonly route?: string;
}

/**
 * The entry under the key of a URL whose responses vary. It contains the names of the request headers, and a generation
 * that is part of the keys of all variants. When the marker is removed, no lookup finds a variant.
 */
export interface VaryMarker {
  readonly v: typeof version;
  readonly vary: readonly string[];
  readonly generation: string;
}

/** A response from a store. */
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
