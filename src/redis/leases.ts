import { randomBytes } from 'node:crypto';
import type { RedisCommands } from './commands.js';
import { encodeMessage } from './messages.js';
import type { Names } from './names.js';
import { endLead, takeLead } from './scripts.js';

/** Who leads tells those who wait; this is for what was not told or not heard. */
const pollMs = 200;

type Lead = (() => void) | undefined;

const withoutRedis: Lead = () => {};

/** Of all processes that want to fill a key, one leads, and the others wait for it. Without Redis everybody leads. */
export class Leads {
  readonly #commands: RedisCommands;
  readonly #names: Names;
  readonly #waiting = new Map<string, Set<(lead: Lead) => void>>();
  #closed = false;

  constructor(commands: RedisCommands, names: Names) {
    this.#commands = commands;
    this.#names = names;
    commands.onTurn('down', () => this.#wakeAll());
  }

  /** `wasAbsent`: nothing was found at the key, which another process may have filled since. */
  async lead(key: string, limitMs: number, wasAbsent: boolean): Promise<Lead> {
    const name = this.#names.lead + key;
    const token = randomBytes(12).toString('base64');
    // the end of the other's lead may be heard before the answer that there is one
    let over = false;
    const forget = this.#listen(key, () => {
      over = true;
    });
    const args = [name, this.#names.entry + key, token, String(Math.ceil(limitMs)), wasAbsent ? '1' : '0'];
    const taken = await this.#commands.write(['EVAL', takeLead, '2', ...args]);
    forget();
    if (taken === 0 && !this.#closed) return over ? undefined : this.#wait(key, name, limitMs);
    if (taken === 2) return undefined;
    if (taken !== 1) return withoutRedis;
    let ended = false;
    return () => {
      if (ended) return;
      ended = true;
      const message = encodeMessage({ ended: key });
      this.#commands.tell(['EVAL', endLead, '1', name, token, this.#names.channel, message]);
    };
  }

  /** Somebody's lead has ended. */
  ended(key: string): void {
    this.#wake(key, undefined);
  }

  close(): void {
    this.#closed = true;
    this.#wakeAll();
  }

  #wait(key: string, name: string, limitMs: number): Promise<Lead> {
    return new Promise((resolve) => {
      const done = (lead: Lead): void => {
        forget();
        clearTimeout(limit);
        clearInterval(poll);
        resolve(lead);
      };
      const forget = this.#listen(key, done);
      const limit = setTimeout(done, limitMs, undefined);
      const poll = setInterval(async () => {
        if ((await this.#commands.ask(['EXISTS', name])) === 0) done(undefined);
      }, pollMs).unref();
    });
  }

  #listen(key: string, listener: (lead: Lead) => void): () => void {
    const listeners = this.#waiting.get(key) ?? new Set();
    this.#waiting.set(key, listeners.add(listener));
    return () => {
      listeners.delete(listener);
      if (listeners.size === 0 && this.#waiting.get(key) === listeners) this.#waiting.delete(key);
    };
  }

  #wake(key: string, lead: Lead): void {
    for (const listener of [...(this.#waiting.get(key) ?? [])]) listener(lead);
  }

  #wakeAll(): void {
    for (const key of [...this.#waiting.keys()]) this.#wake(key, withoutRedis);
  }
}
