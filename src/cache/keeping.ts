import type { IncomingMessage } from 'node:http';
import type { CacheEntry } from '../cache-store.js';
import type { CacheCore } from './cache-core.js';
import type { Landing } from './flights.js';
import type { Found } from './passage.js';
import type { Storable } from './storability.js';
import { isPromise } from './store-access.js';
import { isMarker, markerHead, type Stored } from './stored-response.js';
import { cookieField, markerFor, variantKey } from './vary.js';

const noBody = Buffer.alloc(0);

/** A response that may be stored, complete. */
export interface Complete {
  readonly storable: Storable;
  readonly body: Buffer;
  readonly tags: readonly string[];
}

/** Stores a response: under the key of its URL, or as one of the URL's variants with a marker that leads there. */
export function keep(
  { store, settings }: CacheCore,
  req: IncomingMessage,
  key: string,
  known: CacheEntry | undefined,
  { storable, body, tags }: Complete,
): { landing: Landing; done: Promise<void> | undefined } {
  const { head } = storable;
  const expiresAt = Math.max(head.freshUntil, head.staleUntil, head.errorUntil);
  const entry: CacheEntry = { head: { ...head }, body, expiresAt, tags };
  const stored: Stored = { head, body };
  // another variant may have come in the meantime
  const latest = store.get(key);
  const marker = isPromise(latest) ? known : latest;
  const before = marker !== undefined && isMarker(marker) ? marker : undefined;
  const fields = [...storable.vary, ...[...settings.cookies].map(cookieField)];
  if (fields.length === 0 && before === undefined) {
    const done = store.set(key, entry);
    return { landing: { key, generation: undefined, vary: [], stored }, done };
  }
  const [vary, generation] = markerFor(fields, before?.head);
  const variant = variantKey(key, generation, vary, req);
  if (before?.head.generation !== generation || before.expiresAt < expiresAt) {
    const lead: CacheEntry = { head: { ...markerHead(vary, generation) }, body: noBody, expiresAt, tags: [] };
    void store.set(key, lead);
  }
  const done = store.set(variant, entry);
  return { landing: { key: variant, generation, vary, stored }, done };
}

/** What another process brought. */
export function landingOf({ key, marker }: Found, stored: Stored): Landing {
  const known = marker !== undefined && isMarker(marker) ? marker.head : undefined;
  return { key, generation: known?.generation, vary: known?.vary ?? [], stored };
}
