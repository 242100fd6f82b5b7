/** A map of a million keys blocks the event loop for 70 ms when it is copied to its next size, and each part for 1 ms. */
const parts = 128;
/** The most characters of a key that select its part. */
const mostSampled = 32;

/** A map of strings that consists of smaller maps, so that its growth and its shrinking do not block the event loop. */
export class SplitMap<Value> {
  readonly #parts = Array.from({ length: parts }, () => new Map<string, Value>());
  #size = 0;

  get size(): number {
    return this.#size;
  }

  get(key: string): Value | undefined {
    return this.#partOf(key).get(key);
  }

  set(key: string, value: Value): void {
    const part = this.#partOf(key);
    this.#size -= part.size;
    part.set(key, value);
    this.#size += part.size;
  }

  delete(key: string): void {
    if (this.#partOf(key).delete(key)) this.#size -= 1;
  }

  clear(): void {
    for (const part of this.#parts) part.clear();
    this.#size = 0;
  }

  *values(): Generator<Value, undefined> {
    for (const part of this.#parts) yield* part.values();
    return undefined;
  }

  #partOf(key: string): Map<string, Value> {
    const step = Math.ceil(key.length / mostSampled);
    let hash = key.length;
    for (let at = key.length - 1; at >= 0; at -= step) hash = (Math.imul(hash, 31) + key.charCodeAt(at)) | 0;
    return this.#parts[(hash ^ (hash >>> 15)) & (parts - 1)] as Map<string, Value>;
  }
}
