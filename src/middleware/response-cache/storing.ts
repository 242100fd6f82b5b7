import type { IncomingMessage } from 'node:http';
import type { CacheCore } from './cache-core.js';
import type { CacheEntry } from './cache-store.js';
import type { Landing } from './coalesced-requests.js';
import type { Found } from './passage.js';
import type { Storable } from './storability.js';
import { isPromise, type StoreAccess } from './store-access.js';
import { isMarker, markerHead, type Stored } from './stored-response.js';
import { cookieField, markerFor, variantKey } from './vary.js';

const noBody = Buffer.alloc(0);

/** A response that may be stored, complete. */
export interface Complete {
  readonly storable: Storable;
  readonly body: Buffer;
  readonly tags: readonly string[];
  /** Whether a purge has come that it must not outlive; asked again after the store was waited for. */
  readonly isPurged: () => boolean;
}

/** Stores a response: under the key of its URL, or as one of the URL's variants with a marker that leads there. */
export function keep(
  { store, settings }: CacheCore,
  req: IncomingMessage,
  key: string,
  known: CacheEntry | undefined,
  complete: Complete,
): { landing: Landing; done: Promise<void> | undefined } {
  const fields = [...complete.storable.vary, ...[...settings.cookies].map(cookieField)];
  // another variant, or a purge, may have come in the meantime
  const latest = store.get(key);
  if (!isPromise(latest)) {
    const place = placeOf(req, key, latest, fields);
    return { landing: landingAt(place, complete), done: put(store, key, place, complete) };
  }
  const done = latest.then((marker) =>
    complete.isPurged() ? undefined : put(store, key, placeOf(req, key, marker, fields), complete),
  );
  return { landing: landingAt(placeOf(req, key, known, fields), complete), done };
}

/** Where a response is to stand. */
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
  key: string,
  { key: own, vary, generation, marker }: Place,
  { storable: { head }, body, tags }: Complete,
): Promise<void> | undefined {
  const expiresAt = Math.max(head.freshUntil, head.staleUntil, head.errorUntil);
  if (generation !== undefined) {
    const before = marker !== undefined && isMarker(marker) ? marker : undefined;
    if (before?.head.generation !== generation || before.expiresAt < expiresAt) {
      const lead = { head: { ...markerHead(vary, generation) }, body: noBody, expiresAt, tags: [] };
      void store.set(key, lead);
    }
  }
  return store.set(own, { head: { ...head }, body, expiresAt, tags });
}

function landingAt({ key, generation, vary }: Place, { storable, body }: Complete): Landing {
  return { key, generation, vary, stored: { head: storable.head, body } };
}

/** What another process brought. */
export function landingOf({ key, marker }: Found, stored: Stored): Landing {
  const known = marker !== undefined && isMarker(marker) ? marker.head : undefined;
  return { key, generation: known?.generation, vary: known?.vary ?? [], stored };
}
