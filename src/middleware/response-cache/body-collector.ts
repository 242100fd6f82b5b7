import type { Body } from '../../support/response-hooks.js';

/** The chunks of a body, up to a limit. */
export class BodyCollector {
  readonly #maxBytes: number;
  #chunks: Buffer[] = [];
  #bytes = 0;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** Copies a chunk, whose owner may use it again; false when the body has become too large, and is forgotten. */
  add(chunk: Body, charset: BufferEncoding | undefined): boolean {
    const length = typeof chunk === 'string' ? Buffer.byteLength(chunk, charset) : chunk.byteLength;
    this.#bytes += length;
    if (this.#bytes > this.#maxBytes) {
      this.#chunks = [];
      return false;
    }
    // memory of its own: a slice of a pool would keep the whole pool alive
    const copy = Buffer.allocUnsafeSlow(length);
    if (typeof chunk === 'string') copy.write(chunk, charset);
    else copy.set(chunk);
    this.#chunks.push(copy);
    return true;
  }

  whole(): Buffer {
    const [first, ...more] = this.#chunks;
    if (first !== undefined && more.length === 0) return first;
    const whole = Buffer.allocUnsafeSlow(this.#bytes);
    let at = 0;
    for (const chunk of this.#chunks) {
      chunk.copy(whole, at);
      at += chunk.length;
    }
    return whole;
  }
}
