import { debugFor } from '../../support/debug.js';

const debug = debugFor('compression');

// The slots in the table of positions, and the bytes of the lengths in front of each entry of the ring.
const slots = 8192;
const headerBytes = 12;
/** The number of bytes that the fingerprint reads at the head of a body, at its tail, and spread over it. */
const samples = 64;

/**
 * Caches bodies and their encodings in one ring buffer, in which new entries overwrite the oldest. A lookup computes a
 * fingerprint of some bytes and then compares the whole body. This takes a tenth of the time of a digest, and a client
 * cannot forge a match. Storing a body copies it and its encoding, and allocates no memory.
 */
export class EncodedCache {
  #maxBytes: number;
  #ring: Buffer | undefined;
  /** The start of each entry, counted from the first byte ever written. */
  readonly #starts = new Float64Array(slots).fill(-1);
  #written = 0;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** A copy of the encoding of a body. */
  get(encoding: string, body: Uint8Array): Buffer | undefined {
    const slot = slotOf(encoding, body);
    const start = this.#starts[slot] as number;
    const ring = this.#ring;
    if (ring === undefined || start < 0 || this.#written - start > this.#maxBytes) return undefined;
    const at = start % this.#maxBytes;
    const bodyAt = at + headerBytes;
    const encodedAt = bodyAt + body.length;
    if (ring.readUInt32LE(at) !== body.length || ring.readUInt32LE(at + 8) !== seedOf(encoding))
      return undefined;
    if (ring.compare(body, 0, body.length, bodyAt, encodedAt) !== 0) return undefined;
    const encoded = Buffer.from(ring.subarray(encodedAt, encodedAt + ring.readUInt32LE(at + 4)));
    // An entry in the older half of the ring is written again, so that it is not overwritten soon.
    if (this.#written - start > this.#maxBytes / 2) this.set(encoding, body, encoded);
    return encoded;
  }

  /** Stores a copy of both, unless they are too large. */
  set(encoding: string, body: Uint8Array, encoded: Uint8Array): void {
    const needed = headerBytes + body.length + encoded.length;
    if (needed > this.#maxBytes / 2) return;
    this.#ring ??= this.#allocate();
    if (this.#ring === undefined) return;
    const left = this.#maxBytes - (this.#written % this.#maxBytes);
    if (needed > left) this.#written += left;
    const at = this.#written % this.#maxBytes;
    this.#ring.writeUInt32LE(body.length, at);
    this.#ring.writeUInt32LE(encoded.length, at + 4);
    this.#ring.writeUInt32LE(seedOf(encoding), at + 8);
    this.#ring.set(body, at + headerBytes);
    this.#ring.set(encoded, at + headerBytes + body.length);
    this.#starts[slotOf(encoding, body)] = this.#written;
    this.#written += needed;
  }

  /** Allocates the ring. A failure turns the cache off, because each attempt causes a full garbage collection. */
  #allocate(): Buffer | undefined {
    try {
      return Buffer.allocUnsafeSlow(this.#maxBytes);
    } catch (error) {
      debug(() => ['the cache is off, %d bytes could not be allocated: %s', this.#maxBytes, error]);
      this.#maxBytes = 0;
      return undefined;
    }
  }
}

/** The seed of the hash for an encoding: its first letter, in which br, gzip and zstd differ. */
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
