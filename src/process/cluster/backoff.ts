const firstWaitMs = 100;
const longestWaitMs = 30_000;
const quickMs = 5000;

/**
 * The wait before a dead worker is replaced. A worker that ran for 5 s is replaced immediately, and so is the first
 * worker that ran for less. Each further short run doubles the wait, from 100 ms up to 30 s.
 */
export class Backoff {
  #nextMs = 0;

  /** The wait in milliseconds after a worker died that ran for `uptimeMs`. */
  afterDeath(uptimeMs: number): number {
    if (uptimeMs >= quickMs) this.#nextMs = 0;
    const waitMs = this.#nextMs;
    if (uptimeMs < quickMs) this.#nextMs = Math.min(longestWaitMs, waitMs * 2 || firstWaitMs);
    return waitMs;
  }

  reset(): void {
    this.#nextMs = 0;
  }
}
