/**
 * A Map for keys that clients choose. It contains at least the `least` entries used last, and at most twice as many, in
 * two generations. When the young generation is full, the old one is dropped.
 */
export class BoundedMap<Value> {
  readonly #least: number;
  #young = new Map<string, Value>();
  #old = new Map<string, Value>();

  constructor(least: number) {
    this.#least = least;
  }

  get(key: string): Value | undefined {
    const found = this.#young.get(key);
    if (found !== undefined) return found;
    const survivor = this.#old.get(key);
    if (survivor !== undefined) this.set(key, survivor);
    return survivor;
  }

  set(key: string, value: Value): void {
    if (this.#young.size >= this.#least && !this.#young.has(key)) {
      this.#old = this.#young;
      this.#young = new Map();
    }
    this.#young.set(key, value);
  }

  delete(key: string): void {
    this.#young.delete(key);
    this.#old.delete(key);
  }
}

const leastHeaders = 128;
const maxLength = 256;

/**
 * Caches the results of a pure function by header value. Clients choose the values, so the number of entries and the
 * length of a cached value are bounded.
 */
export function memoizeHeader<Result>(parse: (value: string) => Result): (value: string) => Result {
  const known = new BoundedMap<Result>(leastHeaders);
  return (value) => {
    const found = known.get(value);
    if (found !== undefined) return found;
    const result = parse(value);
    if (value.length <= maxLength) known.set(value, result);
    return result;
  };
}
