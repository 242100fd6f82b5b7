import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Request } from 'express';
import { BoundedMap } from '../../support/bounded-map.js';
import { headerText } from '../../support/encoding/encoding-headers.js';

/**
 * How the representation with a validator is sent: without `Vary: Accept-Encoding`, with it but never encoded, or
 * encoded for the clients that accept it.
 */
type SentForm = 'unvarying' | 'identity' | 'encoded';

const leastEntries = 1024;
const maxKeyLength = 1024;

/**
 * Stores how representations were sent with 200. Express removes the Content-Type and the body of a 304, so the headers
 * of the 200 cannot be derived from those of its 304.
 */
export class SentRepresentations {
  readonly #forms = new BoundedMap<SentForm>(leastEntries);

  /** Stores the form of a response, unless a 304 has the same headers without it. */
  add(req: IncomingMessage, res: ServerResponse, form: SentForm): void {
    const etag = headerText(res, 'etag');
    if (form !== 'unvarying' && !etag.startsWith('"')) return;
    const key = keyOf(req, res, etag);
    if (key !== undefined && this.#forms.get(key) !== form) this.#forms.set(key, form);
  }

  /**
   * Returns the form of the representation that a 304 confirms. A client has a strong ETag only from a response that was
   * not encoded.
   */
  get(req: IncomingMessage, res: ServerResponse): SentForm | undefined {
    const etag = headerText(res, 'etag');
    const key = keyOf(req, res, etag);
    const form = key === undefined ? undefined : this.#forms.get(key);
    return form ?? (listsStrongly(req.headers['if-none-match'] ?? '', etag) ? 'identity' : undefined);
  }
}

function keyOf(req: IncomingMessage, res: ServerResponse, etag: string): string | undefined {
  const validator = etag || headerText(res, 'last-modified');
  if (validator === '') return undefined;
  const key = `${validator} ${(req as Request).originalUrl ?? req.url}`;
  return key.length > maxKeyLength ? undefined : key;
}

/** Whether an `If-None-Match` contains a strong ETag as such. */
function listsStrongly(list: string, etag: string): boolean {
  if (!etag.startsWith('"')) return false;
  for (let at = list.indexOf(etag); at >= 0; at = list.indexOf(etag, at + 1)) {
    if (!list.endsWith('W/', at)) return true;
  }
  return false;
}
