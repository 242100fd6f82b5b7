import { BoundedMap } from '../../support/bounded-map.js';

/** How long a key is recorded. */
const passMs = 600_000;
/** The minimum number of keys that are recorded. */
const leastKeys = 2048;

/**
 * Records the keys whose responses may not be shared. Requests for these keys are not coalesced. Otherwise the handler
 * of a page that is never stored would run for one request at a time. Each such response renews its key, and a stored
 * response removes it.
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
