import type { SheddingReason } from '../../support/lifecycle.js';
import { busy, type LoadReading, type OverloadSettings, OverloadWatch, saturated } from './overload-watch.js';

/** Priorities in the order they go: the first ones first. */
export const priorities = ['low', 'normal', 'high'] as const;

/** What may wait while shedding: this many requests' work, and no less than a few milliseconds. */
const waitingRequests = 3;
const minTargetMs = 10;
const calmAfterMs = 2000;
/** How long it takes to move on to the next priority, and to go back to the one before. */
const raiseCutAfterMs = 200;
const lowerCutAfterMs = 500;
const memoryMs = 1000;
const slowReadingMs = 100;
const bridgedShare = 0.7;
const maxShare = 0.95;

/**
 * Decides, from readings of the load, which requests are refused. It does nothing by chance: while the load is too
 * high it refuses what waits beyond a short queue, the longest waiting first, and within that the lowest priority.
 */
export class SheddingController {
  readonly #watch: OverloadWatch;
  #active = 0;
  #served = 0;
  #admitted = 0;
  /** Since the queue was last read: requests, those of them above the cut, and those that were refused. */
  #arrived = 0;
  #above = 0;
  #refused = 0;
  #readAt = 0;
  /** Requests still to be refused until the next reading, and what they were at the last one. */
  #excess = 0;
  #excessBefore = 0;
  #excessReason: SheddingReason = 'delay';
  #targetMs = minTargetMs;
  /** Priorities below the cut are refused, those above it admitted. */
  #cut = 0;
  #refusedAt = 0;
  #cutRefusedAt = 0;
  #shortSince: number | undefined = undefined;
  /** The share that is refused where the queue cannot be seen, and the part of a request that it owes. */
  #share = 0;
  #owed = 0;
  #shareReason: SheddingReason = 'utilization';

  /** When shedding began, on the clock of `performance.now()`; `undefined` while everything is admitted. */
  since: number | undefined = undefined;

  constructor(settings: OverloadSettings) {
    this.#watch = new OverloadWatch(settings);
  }

  /** Milliseconds of the event loop per admitted request; once it is always busy, the inverse of the capacity. */
  get serviceMs(): number {
    return this.#active / Math.max(1, this.#served);
  }

  /** Takes a request in while all is calm. */
  count(): void {
    this.#admitted++;
  }

  /** Takes a reading in. */
  read(reading: LoadReading): void {
    const elapsed = reading.activeMs + reading.idleMs;
    const kept = Math.exp(-elapsed / memoryMs);
    this.#active = this.#active * kept + reading.activeMs;
    this.#served = this.#served * kept + this.#admitted;
    if (this.since === undefined) {
      if (this.#watch.sees(reading, this.serviceMs, this.#served >= 1)) this.#begin(reading);
    } else if (reading.now - this.#refusedAt > calmAfterMs) this.#end();
    else this.#control(reading);
    this.#admitted = 0;
  }

  /**
   * Whether a request of this priority is refused, and why; only asked while shedding. `turnMs` is how long the turn
   * of the event loop has lasted in which it was read: it has waited at least that long.
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
    this.#owed += this.#share;
    if (this.#owed < 1) return undefined;
    this.#owed--;
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
    // a loop that found time to rest since has caught up with what was late
    const idle = idleMs > (1 - busy) * (activeMs + idleMs);
    const late = idle ? 0 : delayMs / serviceMs;
    if (!fresh) {
      this.#excess = Math.max(this.#excess, Math.ceil(late - allowed));
      return;
    }
    const excess = late + (queued ?? 0) - allowed;
    // not all that was to be refused came, and what waits does not get less
    const grows = this.#excess > 0 && excess > allowed && excess >= this.#excessBefore;
    const short = grows || (this.#share > 0 && this.#above === this.#arrived) || this.#share === maxShare;
    this.#moveCut(now, short, idle);
    this.#excess = Math.max(0, Math.ceil(excess));
    this.#excessBefore = excess;
    this.#excessReason = (queued ?? 0) > late ? 'queue' : 'delay';
    if (queued === undefined) {
      if (this.#arrived > 0) this.#share = nextShare(this.#share, activeMs, idleMs);
    } else {
      // readings that come seldom are bridged by what the last one led to
      this.#shareReason = this.#excessReason;
      const slow = now - this.#readAt > slowReadingMs && this.#arrived > 0;
      this.#share = slow ? bridgedShare * (this.#refused / this.#arrived) : 0;
    }
    this.#readAt = now;
    this.#arrived = this.#above = this.#refused = 0;
  }

  /** Moves on to the next priority where refusing the lower ones is not enough, and back when it is. */
  #moveCut(now: number, short: boolean, idle: boolean): void {
    if (short && this.#above > 0 && this.#cut < priorities.length - 1) {
      this.#shortSince ??= now;
      // without a request of the lower priorities there is nothing to wait for
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
    this.#excess = this.#cut = this.#share = this.#owed = 0;
    this.#arrived = this.#above = this.#refused = 0;
    this.#shortSince = undefined;
  }
}

/** Holds the event loop a little below saturation: where the queue is out of sight, idle time says that it is empty. */
function nextShare(share: number, activeMs: number, idleMs: number): number {
  const seconds = (activeMs + idleMs) / 1000;
  const utilization = activeMs / Math.max(1e-3, activeMs + idleMs);
  const next = utilization >= saturated ? share + 0.5 * seconds : share - 0.5 * seconds;
  return Math.min(maxShare, Math.max(0, next));
}
