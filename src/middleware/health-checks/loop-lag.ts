const tickMs = 250;

/** Measures the event loop delay with a timer that does not keep the process alive. */
export class LoopLag {
  #due = performance.now() + tickMs;
  #last = 0;
  readonly #timer = setInterval(() => {
    const now = performance.now();
    this.#last = now - this.#due;
    this.#due = now + tickMs;
  }, tickMs).unref();

  /** The delay in milliseconds, never below 0: that of the last tick, or of a tick that is overdue now. */
  get ms(): number {
    return Math.max(0, Math.round(Math.max(this.#last, performance.now() - this.#due)));
  }

  stop(): void {
    clearInterval(this.#timer);
  }
}
