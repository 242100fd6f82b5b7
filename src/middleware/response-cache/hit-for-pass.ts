import { BoundedMap } from '../../support/bounded-map.js';

/** How long a key counts as one whose responses are not shared. */
const passMs = 600_000;
/** So many keys are remembered at least. */
const leastKeys = 2048;

/**
 * Remembers the keys whose responses may not be shared. Requests for these do not wait for each other: else a page that
 * is never stored would be made for one visitor at a time. Each such response renews its key, and one that may be stored
 * removes it.
 */
export class HitForPass {
  readonly #until = new BoundedMap<number>(leastKeys);

  has(key: string): boolean {
    const until = this.#until.get(key);
    return until !== undefined && until > Date.now();
  }

  add(key: string): void {
    this.#until.set(key, Date.now() + passMs);
  }

  delete(key: string): void {
    this.#until.delete(key);
  }
}
