// the key, the map's slot and the value's own header, roughly
const entryOverhead = 256;

interface Entry<Value> {
  readonly value: Value;
  readonly cost: number;
}

/**
 * Values within a total of bytes, in two generations: when the young one holds half of the bytes, it becomes the old one,
 * and values not read since then are dropped. A Map in order of use would walk over all it ever deleted to
 * find its oldest entry.
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

  /** Bytes stored, the overhead of entries included. */
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

  /** Stores a value of that many bytes, in the place of the one before. */
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
