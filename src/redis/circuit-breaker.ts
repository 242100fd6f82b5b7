/** The circuit opens after this time without a success. */
const toleratedMs = 200;
/** The same time before the circuit closes, because a process that has just started may read replies late. */
const startMs = 1000;
const shortestPauseMs = 250;
const longestPauseMs = 10_000;
/** When the circuit opens again within this time, the pause before the next probe doubles. */
const relapseMs = 30_000;

interface CircuitBreakerEvents {
  onOpen(reason: string): void;
  /** `openMs` are the milliseconds for which it was open, or `undefined` when `onOpen` was not called. */
  onClose(openMs: number | undefined): void;
}

/**
 * Decides whether Redis is used. The circuit opens when the connection is lost, or after 200 ms with failures only. A
 * successful probe closes it. The initial state is open, without an event. Times are those of `performance.now()`.
 */
export class CircuitBreaker {
  closed = false;
  readonly #events: CircuitBreakerEvents;
  /** The time at which `onOpen` was called; `undefined` if it was not called. */
  #openedAt: number | undefined;
  #closedAt = -Infinity;
  #failingSince: number | undefined;
  #pauseMs = shortestPauseMs;
  #probeAt = 0;

  constructor(events: CircuitBreakerEvents) {
    this.#events = events;
  }

  /** Records that the reply to a command was received in time. */
  succeeded(): void {
    this.#failingSince = undefined;
  }

  failed(reason: string, now: number): void {
    this.#probeAt = now + this.#pauseMs;
    this.#failingSince ??= now;
    if (now - this.#failingSince < (this.closed ? toleratedMs : startMs)) return;
    if (this.closed) {
      const relapsed = now - this.#closedAt < relapseMs;
      this.#pauseMs = relapsed ? Math.min(2 * this.#pauseMs, longestPauseMs) : shortestPauseMs;
      this.#probeAt = now + this.#pauseMs;
    }
    this.#open(reason, now);
  }

  /** Opens the circuit because the connection is lost. The next connection is probed immediately. */
  lost(reason: string, now: number): void {
    this.#probeAt = now;
    this.#open(reason, now);
  }

  mayProbe(now: number): boolean {
    return !this.closed && now >= this.#probeAt;
  }

  close(now: number): void {
    this.#failingSince = undefined;
    if (this.closed) return;
    this.closed = true;
    this.#closedAt = now;
    const openedAt = this.#openedAt;
    this.#openedAt = undefined;
    this.#events.onClose(openedAt === undefined ? undefined : now - openedAt);
  }

  #open(reason: string, now: number): void {
    this.closed = false;
    if (this.#openedAt !== undefined) return;
    this.#openedAt = now;
    this.#events.onOpen(reason);
  }
}
