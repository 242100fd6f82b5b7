import type { Body } from '../../support/encoding/encoded-stream.js';

/** The parts of a body, up to a limit. */
export class BodyCollector {
  readonly #maxBytes: number;
  #parts: Buffer[] = [];
  #bytes = 0;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** Copies a part, which its owner may use again; false when the whole has become too large, and is forgotten. */
  add(chunk: Body, charset: BufferEncoding | undefined): boolean {
    const length = typeof chunk === 'string' ? Buffer.byteLength(chunk, charset) : chunk.byteLength;
    this.#bytes += length;
    if (this.#bytes > this.#maxBytes) {
      this.#parts = [];
      return false;
    }
    // memory of its own: a part of a pool would keep the whole pool
    const part = Buffer.allocUnsafeSlow(length);
    if (typeof chunk === 'string') part.write(chunk, charset);
    else part.set(chunk);
    this.#parts.push(part);
    return true;
  }

  whole(): Buffer {
    const [first, ...more] = this.#parts;
    if (first !== undefined && more.length === 0) return first;
    const whole = Buffer.allocUnsafeSlow(this.#bytes);
    let at = 0;
    for (const part of this.#parts) {
      part.copy(whole, at);
      at += part.length;
    }
    return whole;
  }
}
