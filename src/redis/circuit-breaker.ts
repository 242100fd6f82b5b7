/** How long nothing but failures is tolerated. */
const toleratedMs = 200;
/** The same for a process that has just started, and may be too busy to be in time. */
const startMs = 1000;
const shortestPauseMs = 250;
const longestPauseMs = 10_000;
/** A circuit that opens again within this time waits twice as long for a probe. */
const relapseMs = 30_000;

/** What a {@link CircuitBreaker} reports. */
export interface CircuitBreakerEvents {
  onOpen(reason: string): void;
  /** How long it was open; `undefined` when that was not reported. */
  onClose(openMs: number | undefined): void;
}

/**
 * Whether Redis is used at all. It opens when the connection is lost, or when nothing but failures came for 200 ms; a
 * probe closes it. Until the first probe it is open, without a report. Times are those of `performance.now()`.
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

  /** A command had its reply in time. */
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

  /** There is no connection: the next one is tried at once. */
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
