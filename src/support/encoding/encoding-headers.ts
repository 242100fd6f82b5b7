import type { ServerResponse } from 'node:http';
import { memoizeHeader } from '../bounded-map.js';

/** The value of a header as one string, which is empty when the header is not set. */
export function headerText(res: ServerResponse, name: string): string {
  const value = res.getHeader(name);
  return Array.isArray(value) ? value.join(', ') : String(value ?? '');
}

/** The members of a list header (RFC 9110 section 5.6.1), without empty ones. */
export function listMembers(header: string): string[] {
  return header
    .split(',')
    .map((member) => member.trim())
    .filter((member) => member !== '');
}

const fieldsOf = memoizeHeader((vary) => listMembers(vary.toLowerCase()));

/** Adds the name of a request header to `Vary`. */
export function addVary(res: ServerResponse, name: string): void {
  const vary = headerText(res, 'vary');
  const fields = fieldsOf(vary);
  if (fields.includes('*') || fields.includes(name.toLowerCase())) return;
  res.setHeader('Vary', vary === '' ? name : `${vary}, ${name}`);
}

/** Adds `Accept-Encoding` to `Vary`. */
export function varyOnEncoding(res: ServerResponse): void {
  addVary(res, 'Accept-Encoding');
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
