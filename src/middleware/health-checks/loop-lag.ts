const tickMs = 250;

/** Measures by how much the event loop is late, on a timer that keeps nobody alive. */
export class LoopLag {
  #due = performance.now() + tickMs;
  #last = 0;
  readonly #timer = setInterval(() => {
    const now = performance.now();
    this.#last = now - this.#due;
    this.#due = now + tickMs;
  }, tickMs).unref();

  /** Milliseconds, never below 0: of the last tick, or of one that is overdue now. */
  get ms(): number {
    return Math.max(0, Math.round(Math.max(this.#last, performance.now() - this.#due)));
  }

  stop(): void {
    clearInterval(this.#timer);
  }
}
