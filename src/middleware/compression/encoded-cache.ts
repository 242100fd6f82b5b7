import { debugFor } from '../../support/debug.js';

const debug = debugFor('compression');

// position in the table, and lengths before the bytes in the ring
const slots = 8192;
const headBytes = 12;
/** How many bytes of a body at its head, at its tail, and spread over it go into its fingerprint. */
const samples = 64;

/**
 * Encoded bodies beside the bodies they were made from, in one ring of bytes that the newest overwrite from the oldest
 * on. A body is found by a fingerprint of some of its bytes, and compared whole: that takes a tenth of a digest, and
 * nobody can forge it. Nothing is allocated for a body that is kept, so those that are never sent again cost two copies,
 * and no work of the garbage collector.
 */
export class EncodedCache {
  #maxBytes: number;
  #ring: Buffer | undefined;
  /** Where each entry begins, counted from the first byte ever written. */
  readonly #begins = new Float64Array(slots).fill(-1);
  #written = 0;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** A copy of what these bytes were encoded to. */
  get(encoding: string, body: Uint8Array): Buffer | undefined {
    const slot = slotOf(encoding, body);
    const begin = this.#begins[slot] as number;
    const ring = this.#ring;
    if (ring === undefined || begin < 0 || this.#written - begin > this.#maxBytes) return undefined;
    const at = begin % this.#maxBytes;
    const bodyAt = at + headBytes;
    const encodedAt = bodyAt + body.length;
    if (ring.readUInt32LE(at) !== body.length || ring.readUInt32LE(at + 8) !== seedOf(encoding))
      return undefined;
    if (ring.compare(body, 0, body.length, bodyAt, encodedAt) !== 0) return undefined;
    const encoded = Buffer.from(ring.subarray(encodedAt, encodedAt + ring.readUInt32LE(at + 4)));
    // what is asked for moves on before it is overwritten
    if (this.#written - begin > this.#maxBytes / 2) this.set(encoding, body, encoded);
    return encoded;
  }

  /** Keeps a copy of both, unless they are too large for it. */
  set(encoding: string, body: Uint8Array, encoded: Uint8Array): void {
    const needed = headBytes + body.length + encoded.length;
    if (needed > this.#maxBytes / 2) return;
    this.#ring ??= this.#allocate();
    if (this.#ring === undefined) return;
    const left = this.#maxBytes - (this.#written % this.#maxBytes);
    if (needed > left) this.#written += left;
    const at = this.#written % this.#maxBytes;
    this.#ring.writeUInt32LE(body.length, at);
    this.#ring.writeUInt32LE(encoded.length, at + 4);
    this.#ring.writeUInt32LE(seedOf(encoding), at + 8);
    this.#ring.set(body, at + headBytes);
    this.#ring.set(encoded, at + headBytes + body.length);
    this.#begins[slotOf(encoding, body)] = this.#written;
    this.#written += needed;
  }

  /** Where there is no memory for the ring, nothing is ever kept: each try would be one more full collection. */
  #allocate(): Buffer | undefined {
    try {
      return Buffer.allocUnsafeSlow(this.#maxBytes);
    } catch (error) {
      debug(() => ['nothing is kept, %d bytes could not be allocated: %s', this.#maxBytes, error]);
      this.#maxBytes = 0;
      return undefined;
    }
  }
}

/** br, gzip and zstd differ in their first letter. */
function seedOf(encoding: string): number {
  return encoding.charCodeAt(0);
}

/** FNV-1a over a sample of the bytes. */
function slotOf(encoding: string, body: Uint8Array): number {
  const { length } = body;
  const step = Math.max(1, Math.floor(length / samples));
  let hash = Math.imul(seedOf(encoding) ^ length, 0x01000193);
  for (let i = 0; i < length && i < samples; i++) hash = mix(hash, body[i] as number);
  for (let i = samples; i < length; i += step) hash = mix(hash, body[i] as number);
  for (let i = Math.max(samples, length - samples); i < length; i++) hash = mix(hash, body[i] as number);
  return (hash ^ (hash >>> 15)) & (slots - 1);
}

function mix(hash: number, byte: number): number {
  return Math.imul(hash ^ byte, 0x01000193);
}
