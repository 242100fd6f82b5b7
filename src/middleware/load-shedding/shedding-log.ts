import { debugFor } from '../../support/debug.js';
import type { SheddingReason, SheddingState } from '../../support/lifecycle.js';
import { logLine } from '../../support/logger-adapter.js';
import type { PartLogger } from '../../support/part-logger.js';
import type { LoadReading } from './overload-watch.js';

const intervalMs = 1000;

const debug = debugFor('load-shedding');

/**
 * Logs when shedding begins, once per second while requests are refused, and when it ends. A line per refused request
 * would cost the time that load shedding saves.
 */
export class SheddingLog {
  readonly #state: SheddingState;
  logger: PartLogger | undefined;
  #shedding = false;
  #reportedAt = 0;
  #reported: Record<SheddingReason, number>;

  constructor(state: SheddingState, logger: PartLogger | undefined) {
    this.#state = state;
    this.logger = logger;
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

  #report(event: 'began' | 'refused' | 'ended', reading: LoadReading): void {
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
    const fields = { shedding: event, count, refused, delayMs: Math.round(delayMs), utilization, queued };
    debug(() => ['%s: %o', event, fields]);
    const message = {
      began: 'overloaded: load shedding began',
      refused: `overloaded: ${count} requests refused`,
      ended: 'load shedding ended',
    }[event];
    logLine(this.logger, event === 'ended' ? 'info' : 'warn', fields, message);
  }
}
