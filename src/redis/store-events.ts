import { debugFor } from '../support/debug.js';
import { helpFor } from '../support/errors.js';

/** What the store reports of its Redis: changes of state, not each failed request. */
export interface RedisStoreEvent {
  /**
   * `down`: Redis is lost, or too slow, and is not used; `up`: it is used again. `read-only`: it refuses to store
   * anything, as when its memory is full; `writable`: it stores again.
   */
  readonly event: 'down' | 'up' | 'read-only' | 'writable';
  /** Why it is down or read-only. */
  readonly reason?: string;
  /** How many milliseconds it was down or read-only. */
  readonly afterMs?: number;
}

const debug = debugFor('redis-store');

/** Reports a change of state; a log that throws disturbs nobody. */
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
    down: `Redis is not used any more: ${reason}. Responses are stored in this process until it responds again.`,
    up: `Redis responds again, after ${afterMs} ms.`,
    'read-only': `Redis refuses to store responses: ${reason}.`,
    writable: `Redis stores responses again, after ${afterMs} ms.`,
  }[event];
  const code = 'ERR_PRODUCTIONIZE_REDIS';
  process.emitWarning(`redisStore: ${message} See ${helpFor(code)}`, { type: 'ProductionizeWarning', code });
}
