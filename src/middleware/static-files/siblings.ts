import type { Stats } from 'node:fs';
import path from 'node:path';
import compressible from 'compressible';
import mimeTypes from 'mime-types';
import type { Encoding } from '../../support/encoding/encoders.js';

/** The file name extension of each encoding, as nginx, Caddy and the command line tools use it. */
export const siblingExtensions: Readonly<Record<Encoding, string>> = { br: '.br', zstd: '.zst', gzip: '.gz' };

/** Tools that copy the time of a file drop fractions of a millisecond. */
export const copyToleranceMs = 2;

const unknownType = 'application/octet-stream';

/** The media type of a file, by its extension. */
export function typeOf(file: string): string {
  return mimeTypes.contentType(path.extname(file)) || unknownType;
}

export function isWorthEncoding(file: string): boolean {
  const type = typeOf(file);
  return type !== unknownType && compressible(type) === true;
}

/** Whether a file can be the compressed form of another: regular, smaller, and not older. */
export function isCopyOf(sibling: Stats, original: Stats): boolean {
  if (!sibling.isFile() || sibling.size === 0 || sibling.size >= original.size) return false;
  return sibling.mtimeMs + copyToleranceMs >= original.mtimeMs;
}
