import * as crypto from 'node:crypto';

// the key, the map's slot and the buffer's own header, roughly
const entryOverhead = 256;

/** Encoded bodies by what they were made from, the least recently used dropped first. */
export class EncodedCache {
  /** Bytes held, the overhead of entries included. */
  size = 0;
  readonly #maxBytes: number;
  readonly #entries = new Map<string, Buffer>();

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  get(key: string): Buffer | undefined {
    const found = this.#entries.get(key);
    if (found !== undefined) {
      this.#entries.delete(key);
      this.#entries.set(key, found);
    }
    return found;
  }

  set(key: string, encoded: Buffer): void {
    const cost = encoded.length + entryOverhead;
    if (cost > this.#maxBytes || this.#entries.has(key)) return;
    // a copy, since zlib's result is a small window on a large allocation, which it would keep alive
    const copy = Buffer.allocUnsafeSlow(encoded.length);
    encoded.copy(copy);
    this.#entries.set(key, copy);
    this.size += cost;
    for (const [oldest, { length }] of this.#entries) {
      if (this.size <= this.#maxBytes) break;
      this.#entries.delete(oldest);
      this.size -= length + entryOverhead;
    }
  }
}

/**
 * The key of a body: our own digest of its bytes and the encoding. Never the app's ETag, which may say less than the
 * bytes do.
 */
export function cacheKey(encoding: string, body: Uint8Array): string {
  return encoding + digest(body);
}

// crypto.hash arrived in Node 20.12
const digest: (body: Uint8Array) => string =
  'hash' in crypto
    ? (body) => crypto.hash('sha256', body, 'base64')
    : (body) => (crypto as typeof import('node:crypto')).createHash('sha256').update(body).digest('base64');
