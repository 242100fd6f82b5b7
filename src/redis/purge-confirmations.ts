import { performance } from 'node:perf_hooks';
import { withTimeLimit } from '../support/time-limit.js';

interface Unconfirmed {
  readonly openedAt: number;
  /** The processes that have confirmed the purge so far. Some do so before Redis replies to the purge itself. */
  confirmed: number;
  /** The number of processes that received the message, once it is known. */
  receivers: number;
  resolve: () => void;
}

/** Counts the processes that have dropped their copies, for each purge of this process. */
export class PurgeConfirmations {
  readonly #timeoutMs: number;
  readonly #unconfirmed = new Map<number, Unconfirmed>();
  #last = 0;

  constructor(timeoutMs: number) {
    this.#timeoutMs = timeoutMs;
  }

  /** Returns the number of a purge that is about to be sent. */
  open(): number {
    this.#last += 1;
    this.#unconfirmed.set(this.#last, {
      openedAt: performance.now(),
      confirmed: 0,
      receivers: Infinity,
      resolve: () => {},
    });
    return this.#last;
  }

  add(purge: number): void {
    const found = this.#unconfirmed.get(purge);
    if (found === undefined) return;
    found.confirmed += 1;
    if (found.confirmed >= found.receivers) found.resolve();
  }

  /** Waits until all receivers of a purge have confirmed it, or `timeoutMs` have passed since `open`. */
  async complete(purge: number, receivers: number): Promise<void> {
    const found = this.#unconfirmed.get(purge) as Unconfirmed;
    found.receivers = receivers;
    if (found.confirmed < receivers) {
      const all = new Promise<void>((resolve) => {
        found.resolve = resolve;
      });
      const leftMs = this.#timeoutMs - (performance.now() - found.openedAt);
      await withTimeLimit(all, Math.max(0, leftMs), () => {}, { ref: false });
    }
    this.#unconfirmed.delete(purge);
  }
}
