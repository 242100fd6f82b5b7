import type { ServerResponse } from 'node:http';
import { memoizeHeader } from '../bounded-map.js';

/** The value of a header as one string, which is empty when the header is not set. */
export function headerText(res: ServerResponse, name: string): string {
  const value = res.getHeader(name);
  return value === undefined ? '' : String(value);
}

const variesOnEncoding = memoizeHeader((vary) => /(?:^|,)\s*(?:\*|accept-encoding)\s*(?:,|$)/i.test(vary));

/** Adds `Accept-Encoding` to `Vary`. */
export function varyOnEncoding(res: ServerResponse): void {
  const vary = headerText(res, 'vary');
  if (vary === '') res.setHeader('Vary', 'Accept-Encoding');
  else if (!variesOnEncoding(vary)) res.setHeader('Vary', `${vary}, Accept-Encoding`);
}

/** Makes a strong ETag weak, because a strong one identifies the bytes of one encoding (RFC 9110 section 8.8.1). */
export function weakenETag(res: ServerResponse): void {
  const etag = headerText(res, 'etag');
  if (etag.startsWith('"')) res.setHeader('ETag', `W/${etag}`);
}

/**
 * Sets the headers of an encoded body, of `length` bytes or of unknown length. `Accept-Ranges` is removed, because a
 * client could combine ranges of the identity with encoded bytes.
 */
export function declareEncoding(res: ServerResponse, encoding: string, length: number | undefined): void {
  res.setHeader('Content-Encoding', encoding);
  weakenETag(res);
  res.removeHeader('Accept-Ranges');
  const chunked = res.hasHeader('Trailer') || res.hasHeader('Transfer-Encoding');
  if (length === undefined || chunked) res.removeHeader('Content-Length');
  else res.setHeader('Content-Length', length);
}
