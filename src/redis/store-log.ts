import { debugFor } from '../support/debug.js';
import { helpFor } from '../support/errors.js';

/** What the store reports of its Redis; a line per failed request would only add to the trouble. */
export interface RedisStoreEvent {
  /**
   * `down`: Redis is lost, or does nothing in time, and is not asked; `up`: it is again. `read-only`: it refuses to keep
   * anything, as when its memory is full; `writable`: it keeps again.
   */
  readonly event: 'down' | 'up' | 'read-only' | 'writable';
  /** Why it is down or read-only. */
  readonly reason?: string;
  /** How many milliseconds it was. */
  readonly afterMs?: number;
}

const debug = debugFor('redis-store');

/** Says each turn once; a log that throws disturbs nobody. */
export function reporter(log: (event: RedisStoreEvent) => void = warn): (event: RedisStoreEvent) => void {
  return function report(event) {
    debug(() => ['%o', event]);
    try {
      log(event);
    } catch (error) {
      debug(() => ['log() threw: %s', error]);
    }
  };
}

function warn({ event, reason, afterMs }: RedisStoreEvent): void {
  const message = {
    down: `Redis is not asked any more: ${reason}. Responses are kept in this process until it answers again.`,
    up: `Redis answers again, after ${afterMs} ms.`,
    'read-only': `Redis refuses to keep responses: ${reason}.`,
    writable: `Redis keeps responses again, after ${afterMs} ms.`,
  }[event];
  const code = 'ERR_PRODUCTIONIZE_REDIS';
  process.emitWarning(`redisStore: ${message} See ${helpFor(code)}`, { type: 'ProductionizeWarning', code });
}
