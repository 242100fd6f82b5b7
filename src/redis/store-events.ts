import { debugFor } from '../support/debug.js';
import { helpFor } from '../support/errors.js';
import { logLine } from '../support/logger-adapter.js';
import type { PartLogger } from '../support/part-logger.js';

/** A change of the state of Redis. */
export interface RedisStoreEvent {
  readonly event: 'down' | 'up' | 'read-only' | 'writable';
  /** The reason why Redis is down or read-only. */
  readonly reason?: string;
  /** The milliseconds for which Redis was down or read-only. */
  readonly afterMs?: number;
}

const debug = debugFor('redis-store');

/** Reports a change of state to a logger, or as a warning of the process. */
export function reporter(logger: PartLogger | undefined): (event: RedisStoreEvent) => void {
  return function report(change) {
    debug(() => ['%o', change]);
    const { event, ...facts } = change;
    const message = `redisStore: ${describe(change)}`;
    if (logger === undefined) {
      const code = 'ERR_PRODUCTIONIZE_REDIS';
      process.emitWarning(`${message} See ${helpFor(code)}`, { type: 'ProductionizeWarning', code });
      return;
    }
    const good = event === 'up' || event === 'writable';
    logLine(logger, good ? 'info' : 'warn', { redis: event, ...facts }, message);
  };
}

function describe({ event, reason, afterMs }: RedisStoreEvent): string {
  return {
    down: `Redis is not used (${reason}). Responses are stored in this process until Redis replies again.`,
    up: `Redis replies again, after ${afterMs} ms.`,
    'read-only': `Redis refuses to store responses: ${reason}.`,
    writable: `Redis accepts responses again, after ${afterMs} ms.`,
  }[event];
}
