/** What came of one kind of traffic. */
export class Tally {
  readonly kind: string;
  sent = 0;
  answered = 0;
  /** Connections that took the place of one that ended. */
  reconnected = 0;
  /** The longest wait for an answer, in milliseconds. */
  slowestMs = 0;
  /** How often each reason was met. */
  readonly losses = new Map<string, number>();
  /** Resolves when the first was answered or lost. */
  readonly underway: Promise<void>;
  #tellUnderway!: () => void;

  constructor(kind: string) {
    this.kind = kind;
    this.underway = new Promise((resolve) => {
      this.#tellUnderway = resolve;
    });
  }

  get failed(): number {
    return [...this.losses.values()].reduce((sum, count) => sum + count, 0);
  }

  /** An answer came after this many milliseconds. */
  waited(ms: number): void {
    this.slowestMs = Math.max(this.slowestMs, ms);
    this.#tellUnderway();
  }

  fail(error: unknown): void {
    const { code, message } = error as NodeJS.ErrnoException;
    const reason = code === 'ABORT_ERR' ? 'unfinished when the time was up' : (code ?? message);
    this.losses.set(reason, (this.losses.get(reason) ?? 0) + 1);
    this.#tellUnderway();
  }
}
