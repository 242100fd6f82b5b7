import { debugFor } from '../../support/debug.js';
import type { SheddingReason, SheddingState } from '../../support/lifecycle.js';
import type { LoadReading } from './overload-watch.js';

/** What load shedding reports; a line per refused request would cost what shedding is to save. */
export interface SheddingLogEvent {
  readonly event: 'began' | 'refused' | 'ended';
  /** Requests refused since the report before, in all and by reason. */
  readonly count: number;
  readonly refused: Readonly<Record<SheddingReason, number>>;
  /** Event loop delay in milliseconds, its utilization from 0 to 1, and connections waiting in the kernel. */
  readonly delayMs: number;
  readonly utilization: number;
  readonly queued: number | undefined;
}

const intervalMs = 1000;

const debug = debugFor('load-shedding');

/** Turns readings into reports: one when shedding begins, one per second while it refuses, one when it ends. */
export class SheddingLog {
  readonly #state: SheddingState;
  readonly #log: ((event: SheddingLogEvent) => void) | undefined;
  #shedding = false;
  #reportedAt = 0;
  #reported: Record<SheddingReason, number>;

  constructor(state: SheddingState, log: ((event: SheddingLogEvent) => void) | undefined) {
    this.#state = state;
    this.#log = log;
    this.#reported = { ...state.refused };
  }

  note(reading: LoadReading): void {
    const shedding = this.#state.since !== undefined;
    if (shedding !== this.#shedding) {
      this.#shedding = shedding;
      this.#report(shedding ? 'began' : 'ended', reading);
    } else if (shedding && reading.now - this.#reportedAt >= intervalMs) {
      this.#report('refused', reading);
    }
  }

  #report(event: SheddingLogEvent['event'], reading: LoadReading): void {
    const { now, delayMs, activeMs, idleMs, queued } = reading;
    const total = this.#state.refused;
    const refused = {
      queue: total.queue - this.#reported.queue,
      delay: total.delay - this.#reported.delay,
      utilization: total.utilization - this.#reported.utilization,
      priority: total.priority - this.#reported.priority,
    };
    const count = refused.queue + refused.delay + refused.utilization + refused.priority;
    this.#reported = { ...total };
    this.#reportedAt = now;
    if (event === 'refused' && count === 0) return;
    const utilization = Math.round((100 * activeMs) / Math.max(1e-3, activeMs + idleMs)) / 100;
    const report = { event, count, refused, delayMs: Math.round(delayMs), utilization, queued };
    debug(() => ['%s: %o', event, report]);
    try {
      this.#log?.(report);
    } catch (error) {
      debug(() => ['log() threw: %s', error]);
    }
  }
}
