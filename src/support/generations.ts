// an estimate in bytes for the key, the slot in the Map and the object header of the value
const entryOverhead = 256;

interface Entry<Value> {
  readonly value: Value;
  readonly cost: number;
}

/**
 * Stores values up to a total of bytes, in two generations. A value that is read moves to the young generation. When
 * the young generation holds half of the bytes, it replaces the old one, and the values that remain there are dropped.
 * A single Map in order of use would iterate over all its deleted entries to find the oldest one.
 */
export class Generations<Value> {
  readonly #generationBytes: number;
  #young = new Map<string, Entry<Value>>();
  #youngBytes = 0;
  #old = new Map<string, Entry<Value>>();
  #oldBytes = 0;

  constructor(maxBytes: number) {
    this.#generationBytes = maxBytes / 2;
  }

  /** The stored bytes, which include the overhead of entries. */
  get size(): number {
    return this.#youngBytes + this.#oldBytes;
  }

  get(key: string): Value | undefined {
    const found = this.#young.get(key);
    if (found !== undefined) return found.value;
    const survivor = this.#old.get(key);
    if (survivor === undefined) return undefined;
    this.#store(key, survivor);
    return survivor.value;
  }

  /** Stores a value of that many bytes, and replaces the earlier value of the key. */
  set(key: string, value: Value, bytes: number): void {
    this.delete(key);
    this.#store(key, { value, cost: bytes + entryOverhead });
  }

  delete(key: string): void {
    const young = this.#young.get(key);
    if (young !== undefined && this.#young.delete(key)) this.#youngBytes -= young.cost;
    const old = this.#old.get(key);
    if (old !== undefined && this.#old.delete(key)) this.#oldBytes -= old.cost;
  }

  #store(key: string, entry: Entry<Value>): void {
    if (entry.cost > this.#generationBytes) return;
    if (this.#youngBytes + entry.cost > this.#generationBytes) {
      this.#old = this.#young;
      this.#oldBytes = this.#youngBytes;
      this.#young = new Map();
      this.#youngBytes = 0;
    }
    this.#young.set(key, entry);
    this.#youngBytes += entry.cost;
  }
}
