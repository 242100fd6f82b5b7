import { debugFor } from '../support/debug.js';
import { helpFor } from '../support/errors.js';
import { logLine, type PartLogger } from '../support/part-logger.js';

/** What the store reports of its Redis: changes of state, not each failed request. */
export interface RedisStoreEvent {
  readonly event: 'down' | 'up' | 'read-only' | 'writable';
  /** Why it is down or read-only. */
  readonly reason?: string;
  /** How many milliseconds it was down or read-only. */
  readonly afterMs?: number;
}

const debug = debugFor('redis-store');

/** Reports a change of state: to a logger, else by a warning of the process. */
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
    down: `Redis is not used any more: ${reason}. Responses are stored in this process until it responds again.`,
    up: `Redis responds again, after ${afterMs} ms.`,
    'read-only': `Redis refuses to store responses: ${reason}.`,
    writable: `Redis stores responses again, after ${afterMs} ms.`,
  }[event];
}
