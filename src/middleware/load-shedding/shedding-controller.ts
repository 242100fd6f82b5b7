import type { SheddingReason } from '../../support/lifecycle.js';
import { busy, type LoadReading, type OverloadSettings, OverloadWatch, saturated } from './overload-watch.js';

/** Priorities in the order in which they are refused. */
export const priorities = ['low', 'normal', 'high'] as const;

/** The wait that is accepted while shedding: the time of this many requests, and at least `minTargetMs`. */
const waitingRequests = 3;
const minTargetMs = 10;
const calmAfterMs = 2000;
/** The times until the next priority is refused as well, and until it is admitted again. */
const raiseCutAfterMs = 200;
const lowerCutAfterMs = 500;
const memoryMs = 1000;
const slowReadingMs = 100;
const bridgedShare = 0.7;
const maxShare = 0.95;

/**
 * Decides which requests are refused, based on readings of the load and never at random. Under overload it refuses
 * requests beyond a short queue. The requests that have waited longest are refused first, and of these the lowest
 * priority.
 */
export class SheddingController {
  readonly #watch: OverloadWatch;
  #active = 0;
  #served = 0;
  #admitted = 0;
  /** Counts since the queue was last read: requests, requests with a priority above the cut, and refused requests. */
  #arrived = 0;
  #above = 0;
  #refused = 0;
  #readAt = 0;
  /** The number of requests to refuse until the next reading, and the excess at the last reading. */
  #excess = 0;
  #excessBefore = 0;
  #excessReason: SheddingReason = 'delay';
  #targetMs = minTargetMs;
  /** Priorities below the cut are refused, and priorities above it are admitted. */
  #cut = 0;
  #refusedAt = 0;
  #cutRefusedAt = 0;
  #shortSince: number | undefined = undefined;
  /** The share of requests to refuse if the queue cannot be read, and the sum of its fractions. */
  #share = 0;
  #fraction = 0;
  #shareReason: SheddingReason = 'utilization';

  /** When shedding began, on the clock of `performance.now()`; `undefined` while every request is admitted. */
  since: number | undefined = undefined;

  constructor(settings: OverloadSettings) {
    this.#watch = new OverloadWatch(settings);
  }

  /**
   * Milliseconds of event loop time per admitted request. While the event loop is always busy, this is the inverse of
   * the capacity.
   */
  get serviceMs(): number {
    return this.#active / Math.max(1, this.#served);
  }

  /** Counts a request while no request is refused. */
  count(): void {
    this.#admitted++;
  }

  read(reading: LoadReading): void {
    const elapsed = reading.activeMs + reading.idleMs;
    const decay = Math.exp(-elapsed / memoryMs);
    this.#active = this.#active * decay + reading.activeMs;
    this.#served = this.#served * decay + this.#admitted;
    if (this.since === undefined) {
      if (this.#watch.isOverloaded(reading, this.serviceMs, this.#served >= 1)) this.#begin(reading);
    } else if (reading.now - this.#refusedAt > calmAfterMs) this.#end();
    else this.#control(reading);
    this.#admitted = 0;
  }

  /**
   * Returns why a request of this priority is refused, or `undefined`. It is called only while shedding. `turnMs` is
   * the age of the turn of the event loop in which the request was read, and the least time it has waited.
   */
  refuses(priority: number, turnMs: number, now: number): SheddingReason | undefined {
    this.#arrived++;
    if (priority > this.#cut) this.#above++;
    const reason = this.#reasonFor(priority, turnMs);
    if (reason === undefined) {
      this.#admitted++;
      return undefined;
    }
    this.#refused++;
    this.#refusedAt = now;
    if (priority >= this.#cut) this.#cutRefusedAt = now;
    return reason;
  }

  #reasonFor(priority: number, turnMs: number): SheddingReason | undefined {
    if (priority < this.#cut) return 'priority';
    if (priority > this.#cut) return undefined;
    if (this.#excess > 0) {
      this.#excess--;
      return this.#excessReason;
    }
    if (turnMs > this.#targetMs) return 'delay';
    if (this.#share === 0) return undefined;
    this.#fraction += this.#share;
    if (this.#fraction < 1) return undefined;
    this.#fraction--;
    return this.#shareReason;
  }

  #begin(reading: LoadReading): void {
    this.since = this.#refusedAt = this.#cutRefusedAt = this.#readAt = reading.now;
    this.#control(reading);
  }

  #control(reading: LoadReading): void {
    const { now, delayMs, activeMs, idleMs, queued, fresh } = reading;
    const serviceMs = Math.max(1e-3, this.serviceMs);
    this.#targetMs = Math.max(waitingRequests * serviceMs, minTargetMs);
    const allowed = this.#targetMs / serviceMs;
    // an event loop that was idle since the last reading has no delayed requests
    const idle = idleMs > (1 - busy) * (activeMs + idleMs);
    const late = idle ? 0 : delayMs / serviceMs;
    if (!fresh) {
      this.#excess = Math.max(this.#excess, Math.ceil(late - allowed));
      return;
    }
    const excess = late + (queued ?? 0) - allowed;
    // fewer requests arrived than had to be refused, and the queue does not shrink
    const grows = this.#excess > 0 && excess > allowed && excess >= this.#excessBefore;
    const short = grows || (this.#share > 0 && this.#above === this.#arrived) || this.#share === maxShare;
    this.#moveCut(now, short, idle);
    this.#excess = Math.max(0, Math.ceil(excess));
    this.#excessBefore = excess;
    this.#excessReason = (queued ?? 0) > late ? 'queue' : 'delay';
    if (queued === undefined) {
      if (this.#arrived > 0) this.#share = nextShare(this.#share, activeMs, idleMs);
    } else {
      // if readings are rare, the share of requests refused since the last reading is applied between them
      this.#shareReason = this.#excessReason;
      const slow = now - this.#readAt > slowReadingMs && this.#arrived > 0;
      this.#share = slow ? bridgedShare * (this.#refused / this.#arrived) : 0;
    }
    this.#readAt = now;
    this.#arrived = this.#above = this.#refused = 0;
  }

  /** Refuses the next priority as well if refusing the lower ones is not enough, and admits it again when it is. */
  #moveCut(now: number, short: boolean, idle: boolean): void {
    if (short && this.#above > 0 && this.#cut < priorities.length - 1) {
      this.#shortSince ??= now;
      // if no requests of lower priorities arrive, a delay of the change is of no use
      if (this.#above < this.#arrived && now - this.#shortSince < raiseCutAfterMs) return;
      this.#cut++;
    } else {
      if (!short) this.#shortSince = undefined;
      if (this.#cut === 0 || (!idle && now - this.#cutRefusedAt <= lowerCutAfterMs)) return;
      this.#cut--;
    }
    this.#shortSince = undefined;
    this.#cutRefusedAt = now;
  }

  #end(): void {
    this.since = undefined;
    this.#excess = this.#cut = this.#share = this.#fraction = 0;
    this.#arrived = this.#above = this.#refused = 0;
    this.#shortSince = undefined;
  }
}

/**
 * Calculates the share of requests to refuse that keeps event loop utilization a little below saturation. If the queue
 * cannot be read, idle time shows that it is empty.
 */
function nextShare(share: number, activeMs: number, idleMs: number): number {
  const seconds = (activeMs + idleMs) / 1000;
  const utilization = activeMs / Math.max(1e-3, activeMs + idleMs);
  const next = utilization >= saturated ? share + 0.5 * seconds : share - 0.5 * seconds;
  return Math.min(maxShare, Math.max(0, next));
}
