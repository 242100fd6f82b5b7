/** Keys are chosen by clients: so many are remembered. */
const mostMarks = 2048;

/**
 * Remembers for a while which keys have answers that nobody else may have. Requests for these do not wait for each
 * other: else a page that is never stored would be made for one visitor at a time.
 */
export class PassMarks {
  readonly #markMs: number;
  readonly #marks = new Map<string, number>();

  constructor(markMs: number) {
    this.#markMs = markMs;
  }

  has(key: string): boolean {
    const until = this.#marks.get(key);
    if (until === undefined) return false;
    if (until > Date.now()) return true;
    this.#marks.delete(key);
    return false;
  }

  add(key: string): void {
    if (this.#marks.size >= mostMarks) this.#marks.clear();
    this.#marks.set(key, Date.now() + this.#markMs);
  }

  delete(key: string): void {
    this.#marks.delete(key);
  }
}
