import { type Body, byteLength } from '../../support/response-hooks.js';

/** Collects the chunks of a body, up to a limit. */
export class BodyCollector {
  readonly #maxBytes: number;
  #chunks: Buffer[] = [];
  #bytes = 0;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** Copies a chunk, because its owner may reuse it. Returns false and drops the body when it is too large. */
  add(chunk: Body, charset: BufferEncoding | undefined): boolean {
    const length = byteLength(chunk, charset);
    this.#bytes += length;
    if (this.#bytes > this.#maxBytes) {
      this.#chunks = [];
      return false;
    }
    // A slice of the buffer pool would retain the whole pool.
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
