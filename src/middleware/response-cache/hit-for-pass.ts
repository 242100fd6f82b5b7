/** How long a key counts as one whose responses are not shared. */
const passMs = 600_000;
/** Keys are chosen by clients: of each generation, so many are remembered. */
const mostKeys = 2048;

/**
 * Remembers the keys whose responses may not be shared. Requests for these do not wait for each other: else a page that
 * is never stored would be made for one visitor at a time. Each such response renews its key, and one that may be stored
 * removes it.
 */
export class HitForPass {
  #young = new Map<string, number>();
  #old = new Map<string, number>();

  has(key: string): boolean {
    const until = this.#young.get(key) ?? this.#old.get(key);
    return until !== undefined && until > Date.now();
  }

  add(key: string): void {
    if (this.#young.size >= mostKeys && !this.#young.has(key)) {
      this.#old = this.#young;
      this.#young = new Map();
    }
    this.#young.set(key, Date.now() + passMs);
  }

  delete(key: string): void {
    this.#young.delete(key);
    this.#old.delete(key);
  }
}
