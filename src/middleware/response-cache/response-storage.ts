import type { IncomingMessage } from 'node:http';
import { isPromise } from '../../support/is-promise.js';
import type { CacheParts } from './cache-parts.js';
import type { CacheEntry } from './cache-store.js';
import type { CoalescedResult } from './coalesced-requests.js';
import type { Storable } from './storability.js';
import type { StoreAccess } from './store-access.js';
import { isMarker, markerHead, type StoredResponse } from './stored-response.js';
import type { VariantLimit } from './variant-limit.js';
import { cookieField, markerFor, variantKey } from './vary.js';

const emptyBody = Buffer.alloc(0);

/** The result of a lookup in the store. */
export interface Lookup {
  readonly entry: CacheEntry | undefined;
  /** Set when the responses of the URL vary. `key` is then the key of the requested variant. */
  readonly marker: CacheEntry | undefined;
  readonly key: string;
}

/** A complete response that may be stored. */
interface CompleteResponse {
  readonly storable: Storable;
  readonly body: Buffer;
  readonly tags: readonly string[];
  /** Whether the response was purged during its handler. It is called again after an asynchronous read of the store. */
  readonly isPurged: () => boolean;
}

/** Looks up the entry of a URL, or the variant that its marker selects. */
export function lookUp(store: StoreAccess, key: string, req: IncomingMessage): Lookup | Promise<Lookup> {
  const entry = store.get(key);
  return isPromise(entry)
    ? entry.then((found) => lookUpVariant(store, key, req, found))
    : lookUpVariant(store, key, req, entry);
}

function lookUpVariant(
  store: StoreAccess,
  key: string,
  req: IncomingMessage,
  entry: CacheEntry | undefined,
): Lookup | Promise<Lookup> {
  if (entry === undefined || !isMarker(entry)) return { entry, marker: undefined, key };
  const { generation, vary } = entry.head;
  const variant = variantKey(key, generation, vary, req);
  const found = store.get(variant);
  return isPromise(found)
    ? found.then((late) => ({ entry: late, marker: entry, key: variant }))
    : { entry: found, marker: entry, key: variant };
}

/**
 * Stores a response under the key of its URL, or as a variant with a marker under that key. `known` is the marker of
 * the earlier lookup.
 */
export function storeResponse(
  { store, variants, settings: { cookies } }: Pick<CacheParts, 'store' | 'variants' | 'settings'>,
  req: IncomingMessage,
  key: string,
  known: CacheEntry | undefined,
  response: CompleteResponse,
): { result: CoalescedResult; stored: Promise<void> | undefined } {
  const fields = [...response.storable.vary, ...[...cookies].map(cookieField)];
  // Since the lookup, another variant may have been stored, or a purge may have run.
  const latest = store.get(key);
  if (!isPromise(latest)) {
    const place = placeOf(req, key, latest, fields);
    return { result: resultAt(place, response), stored: put(store, variants, key, place, response) };
  }
  const stored = latest.then((marker) =>
    response.isPurged() ? undefined : put(store, variants, key, placeOf(req, key, marker, fields), response),
  );
  return { result: resultAt(placeOf(req, key, known, fields), response), stored };
}

/** The result for coalesced requests from a response that another process stored. */
export function resultOf({ key, marker }: Lookup, stored: StoredResponse): CoalescedResult {
  const known = marker !== undefined && isMarker(marker) ? marker.head : undefined;
  return { key, generation: known?.generation, vary: known?.vary ?? [], stored };
}

/** The key, and the marker, under which a response is stored. */
interface Place {
  readonly key: string;
  readonly vary: readonly string[];
  readonly generation: string | undefined;
  readonly marker: CacheEntry | undefined;
}

function placeOf(
  req: IncomingMessage,
  key: string,
  marker: CacheEntry | undefined,
  fields: readonly string[],
): Place {
  const before = marker !== undefined && isMarker(marker) ? marker.head : undefined;
  if (fields.length === 0 && before === undefined) return { key, vary: [], generation: undefined, marker };
  const [vary, generation] = markerFor(fields, before);
  return { key: variantKey(key, generation, vary, req), vary, generation, marker };
}

function put(
  store: StoreAccess,
  variants: VariantLimit,
  key: string,
  { key: own, vary, generation, marker }: Place,
  { storable: { head, expiresAt }, body, tags }: CompleteResponse,
): Promise<void> | undefined {
  if (generation !== undefined) {
    const before = marker !== undefined && isMarker(marker) ? marker : undefined;
    if (before?.head.generation !== generation || before.expiresAt < expiresAt) {
      const entry = { head: { ...markerHead(vary, generation) }, body: emptyBody, expiresAt, tags: [] };
      void store.set(key, entry);
    }
    const oldest = variants.add(key, own);
    if (oldest !== undefined) void store.purge({ key: oldest });
  }
  return store.set(own, { head: { ...head }, body, expiresAt, tags });
}

function resultAt({ key, generation, vary }: Place, { storable, body }: CompleteResponse): CoalescedResult {
  return { key, generation, vary, stored: { head: storable.head, body } };
}
