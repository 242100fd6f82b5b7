import * as crypto from 'node:crypto';

// the key, the map's slot and the buffer's own header, roughly
const entryOverhead = 256;

/**
 * Encoded bodies by what they were made from, in two generations: when the young one holds half of the bytes, it
 * becomes the old one, and what nobody asked for since the last time is gone. A list in order of use costs a third of an
 * encoding per body: a Map walks over all it deleted to find its oldest entry.
 */
export class EncodedCache {
  readonly #generationBytes: number;
  #young = new Map<string, Buffer>();
  #youngBytes = 0;
  #old = new Map<string, Buffer>();
  #oldBytes = 0;

  constructor(maxBytes: number) {
    this.#generationBytes = maxBytes / 2;
  }

  /** Bytes held, the overhead of entries included. */
  get size(): number {
    return this.#youngBytes + this.#oldBytes;
  }

  get(key: string): Buffer | undefined {
    const found = this.#young.get(key);
    if (found !== undefined) return found;
    const survivor = this.#old.get(key);
    if (survivor !== undefined) this.#keep(key, survivor);
    return survivor;
  }

  set(key: string, encoded: Buffer): void {
    if (this.#young.has(key)) return;
    // a copy, since zlib's result is a small window on a large allocation, which it would keep alive
    const copy = Buffer.allocUnsafeSlow(encoded.length);
    encoded.copy(copy);
    this.#keep(key, copy);
  }

  #keep(key: string, encoded: Buffer): void {
    const cost = encoded.length + entryOverhead;
    if (cost > this.#generationBytes) return;
    if (this.#youngBytes + cost > this.#generationBytes) {
      this.#old = this.#young;
      this.#oldBytes = this.#youngBytes;
      this.#young = new Map();
      this.#youngBytes = 0;
    }
    this.#young.set(key, encoded);
    this.#youngBytes += cost;
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
