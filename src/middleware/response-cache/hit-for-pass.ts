/** Keys are chosen by clients: of each generation, so many are remembered. */
const mostMarks = 2048;

/**
 * Remembers which keys have answers that nobody else may have. Requests for these do not wait for each other: else a
 * page that is never stored would be made for one visitor at a time. Each such answer renews the mark, and one that may
 * be stored removes it.
 */
export class PassMarks {
  readonly #markMs: number;
  #young = new Map<string, number>();
  #old = new Map<string, number>();

  constructor(markMs: number) {
    this.#markMs = markMs;
  }

  has(key: string): boolean {
    const until = this.#young.get(key) ?? this.#old.get(key);
    return until !== undefined && until > Date.now();
  }

  add(key: string): void {
    if (this.#young.size >= mostMarks && !this.#young.has(key)) {
      this.#old = this.#young;
      this.#young = new Map();
    }
    this.#young.set(key, Date.now() + this.#markMs);
  }

  delete(key: string): void {
    this.#young.delete(key);
    this.#old.delete(key);
  }
}
