import crypto from 'node:crypto';
import type { Application } from 'express';
import { takesText } from '../../support/symbols.js';
import { unobserved } from '../../support/unobserved.js';

type ETag = (body: string | Buffer, encoding?: BufferEncoding) => string;

/** The ETag of an empty body: the SHA-1 of no bytes, as Express abbreviates it. */
const emptyTag = '"0-2jmj7l5rSw0yVb/vlWAYkK/YBwk"';

const digest: (body: string | Buffer) => string =
  typeof crypto.hash === 'function'
    ? (body) => crypto.hash('sha1', body, 'base64')
    : (body) => crypto.createHash('sha1').update(body).digest('base64');

function strongTag(body: string | Buffer, encoding: BufferEncoding = 'utf8'): string {
  const isText = typeof body === 'string';
  const bytes = isText && encoding !== 'utf8' ? Buffer.from(body, encoding) : body;
  const length = Buffer.byteLength(bytes);
  return length === 0 ? emptyTag : `"${length.toString(16)}-${unobserved(digest, bytes).slice(0, 27)}"`;
}

function weakTag(body: string | Buffer, encoding?: BufferEncoding): string {
  return `W/${strongTag(body, encoding)}`;
}

const generators: Record<string, ETag> = {
  weak: Object.assign(weakTag, { [takesText]: true }),
  strong: Object.assign(strongTag, { [takesText]: true }),
};

/**
 * Computes the ETags of an app with one call of `crypto.hash` (Node 20.12) instead of a hash object. The values equal
 * those of Express, byte for byte. A setting that the app has changed is left in place, and a later `app.set('etag')`
 * takes precedence. Returns its undo.
 */
export function installFastETag(app: Application): () => void {
  const fast = generators[app.get('etag') === true ? 'weak' : app.get('etag')];
  const before: unknown = app.get('etag fn');
  if (fast === undefined || typeof before !== 'function') return () => {};
  app.set('etag fn', fast);
  return () => {
    if (app.get('etag fn') === fast) app.set('etag fn', before);
  };
}
