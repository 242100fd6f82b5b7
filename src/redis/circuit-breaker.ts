/** The circuit opens after this time without a success. */
const toleratedMs = 200;
/** The same while the circuit is not closed yet: a process that has just started may be too busy to reply in time. */
const startMs = 1000;
const shortestPauseMs = 250;
const longestPauseMs = 10_000;
/** A circuit that opens again within this time waits twice as long for a probe. */
const relapseMs = 30_000;

/** The events of a {@link CircuitBreaker}. */
export interface CircuitBreakerEvents {
  onOpen(reason: string): void;
  /** `openMs` is how long it was open; `undefined` when `onOpen` was not called. */
  onClose(openMs: number | undefined): void;
}

/**
 * Decides whether Redis is used. It opens when the connection is lost, or after 200 ms with failures only. A successful
 * probe closes it. It starts open, without an event. Times are those of `performance.now()`.
 */
export class CircuitBreaker {
  closed = false;
  readonly #events: CircuitBreakerEvents;
  /** When it opened and reported that. */
  #openedAt: number | undefined;
  #closedAt = -Infinity;
  #failingSince: number | undefined;
  #pauseMs = shortestPauseMs;
  #probeAt = 0;

  constructor(events: CircuitBreakerEvents) {
    this.#events = events;
  }

  /** A command received its reply in time. */
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

  /** The connection is lost: the next one is probed immediately. */
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
