import { randomBytes } from 'node:crypto';
import type { RedisCommands } from './commands.js';
import type { KeyNames } from './key-names.js';
import { endLease, takeLease } from './scripts.js';
import { encodeMessage } from './store-messages.js';

/** Who ends a lease notifies those who wait; this is for a message that was not sent or not received. */
const pollMs = 200;

/** Ends a lease; `undefined` where another process had it. */
type EndLease = (() => void) | undefined;

const withoutRedis: EndLease = () => {};

/** Of all processes that want to fill a key, one gets the lease, and the others wait. Without Redis everybody gets it. */
export class Leases {
  readonly #commands: RedisCommands;
  readonly #names: KeyNames;
  readonly #waiting = new Map<string, Set<(endLease: EndLease) => void>>();
  #closed = false;

  constructor(commands: RedisCommands, names: KeyNames) {
    this.#commands = commands;
    this.#names = names;
    commands.on('down', () => this.#wakeAll());
  }

  /** `wasAbsent`: nothing was found at the key, which another process may have filled since. */
  async lease(key: string, limitMs: number, wasAbsent: boolean): Promise<EndLease> {
    const name = this.#names.lease + key;
    const token = randomBytes(12).toString('base64');
    // the message that the other's lease has ended may come before the reply that there is one
    let over = false;
    const forget = this.#listen(key, () => {
      over = true;
    });
    const args = [name, this.#names.entry + key, token, String(Math.ceil(limitMs)), wasAbsent ? '1' : '0'];
    const taken = await this.#commands.write(['EVAL', takeLease, '2', ...args]);
    forget();
    if (taken === 0 && !this.#closed) return over ? undefined : this.#wait(key, name, limitMs);
    if (taken === 2) return undefined;
    if (taken !== 1) return withoutRedis;
    let ended = false;
    return () => {
      if (ended) return;
      ended = true;
      const message = encodeMessage({ ended: key });
      this.#commands.sendWithoutReply(['EVAL', endLease, '1', name, token, this.#names.channel, message]);
    };
  }

  /** Another process has ended its lease. */
  ended(key: string): void {
    this.#wake(key, undefined);
  }

  close(): void {
    this.#closed = true;
    this.#wakeAll();
  }

  #wait(key: string, name: string, limitMs: number): Promise<EndLease> {
    return new Promise((resolve) => {
      const done = (endLease: EndLease): void => {
        forget();
        clearTimeout(limit);
        clearInterval(poll);
        resolve(endLease);
      };
      const forget = this.#listen(key, done);
      const limit = setTimeout(done, limitMs, undefined);
      const poll = setInterval(async () => {
        if ((await this.#commands.send(['EXISTS', name])) === 0) done(undefined);
      }, pollMs).unref();
    });
  }

  #listen(key: string, listener: (endLease: EndLease) => void): () => void {
    const listeners = this.#waiting.get(key) ?? new Set();
    this.#waiting.set(key, listeners.add(listener));
    return () => {
      listeners.delete(listener);
      if (listeners.size === 0 && this.#waiting.get(key) === listeners) this.#waiting.delete(key);
    };
  }

  #wake(key: string, endLease: EndLease): void {
    for (const listener of [...(this.#waiting.get(key) ?? [])]) listener(endLease);
  }

  #wakeAll(): void {
    for (const key of [...this.#waiting.keys()]) this.#wake(key, withoutRedis);
  }
}
