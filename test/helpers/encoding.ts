import { createHash } from 'node:crypto';
import zlib from 'node:zlib';
import type { Answer } from './serve.js';

export const prose = 'All work and no play makes Jack a dull boy. '.repeat(100);

/** Hexadecimal noise: text to the eye, and each seed another one. */
export function noise(length: number, seed = 'noise'): string {
  let hex = '';
  for (let i = 0; hex.length < length; i++) hex += createHash('sha512').update(`${seed}${i}`).digest('hex');
  return hex.slice(0, length);
}

export const decoders: Record<string, (body: Buffer) => Buffer> = {
  gzip: zlib.gunzipSync,
  br: zlib.brotliDecompressSync,
  ...('zstdDecompressSync' in zlib ? { zstd: zlib.zstdDecompressSync } : {}),
};

export function decoded({ headers, body }: Answer): string {
  const decode = decoders[headers['content-encoding'] ?? ''];
  return (decode ? decode(body) : body).toString();
}

export const accept = (encoding: string) => ({ headers: { 'accept-encoding': encoding } });
