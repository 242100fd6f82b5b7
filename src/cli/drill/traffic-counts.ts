/** The results of one kind of traffic. */
export class TrafficCounts {
  readonly kind: string;
  sent = 0;
  completed = 0;
  /** The number of connections that replaced an ended one. */
  reconnected = 0;
  /** The longest wait for a response in milliseconds. */
  slowestMs = 0;
  /** The count of each reason. */
  readonly losses = new Map<string, number>();
  /** Resolves after the first response or loss. */
  readonly underway: Promise<void>;
  #resolveUnderway!: () => void;

  constructor(kind: string) {
    this.kind = kind;
    this.underway = new Promise((resolve) => {
      this.#resolveUnderway = resolve;
    });
  }

  get failed(): number {
    return [...this.losses.values()].reduce((sum, count) => sum + count, 0);
  }

  /** Records the milliseconds of a wait for a response. */
  waited(ms: number): void {
    this.slowestMs = Math.max(this.slowestMs, ms);
    this.#resolveUnderway();
  }

  fail(error: unknown): void {
    const { code, message } = error as NodeJS.ErrnoException;
    const reason = code === 'ABORT_ERR' ? 'unfinished at the time limit' : (code ?? message);
    this.losses.set(reason, (this.losses.get(reason) ?? 0) + 1);
    this.#resolveUnderway();
  }
}
