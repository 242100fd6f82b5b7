import type { ServerResponse } from 'node:http';
import { memoizeHeader } from '../bounded-map.js';

/** A header set so far, as one text; empty when it is not set. */
export function headerText(res: ServerResponse, name: string): string {
  const value = res.getHeader(name);
  return value === undefined ? '' : String(value);
}

const variesOnEncoding = memoizeHeader((vary) => /(?:^|,)\s*(?:\*|accept-encoding)\s*(?:,|$)/i.test(vary));

/** Tells caches that the encoding of the request matters to this resource. */
export function varyOnEncoding(res: ServerResponse): void {
  const vary = headerText(res, 'vary');
  if (vary === '') res.setHeader('Vary', 'Accept-Encoding');
  else if (!variesOnEncoding(vary)) res.setHeader('Vary', `${vary}, Accept-Encoding`);
}

/** Makes a strong ETag weak: it would promise the same bytes whatever the encoding (RFC 9110 section 8.8.1). */
export function weakenETag(res: ServerResponse): void {
  const etag = headerText(res, 'etag');
  if (etag.startsWith('"')) res.setHeader('ETag', `W/${etag}`);
}

/**
 * Describes the encoded body, of `length` bytes or of a length that is not known yet. The offer of ranges goes, since
 * they would be cut from the identity and joined to the encoded bytes.
 */
export function declareEncoding(res: ServerResponse, encoding: string, length: number | undefined): void {
  res.setHeader('Content-Encoding', encoding);
  weakenETag(res);
  res.removeHeader('Accept-Ranges');
  const chunked = res.hasHeader('Trailer') || res.hasHeader('Transfer-Encoding');
  if (length === undefined || chunked) res.removeHeader('Content-Length');
  else res.setHeader('Content-Length', length);
}
