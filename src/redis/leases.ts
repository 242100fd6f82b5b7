import { randomBytes } from 'node:crypto';
import { once } from '../support/attachment.js';
import { endLease, takeLease } from './scripts.js';
import type { Servers } from './servers.js';
import { encodeMessage } from './store-messages.js';

/** The end of a lease is published. Polling covers messages that are not sent or not received. */
const pollMs = 200;

/** The function that ends a lease, or `undefined` when another process held it. */
type EndLease = (() => void) | undefined;

const withoutRedis: EndLease = () => {};

/** One process acquires the lease of a key, and the other processes wait. Without Redis each process acquires it. */
export class Leases {
  readonly #servers: Servers;
  readonly #channel: string;
  readonly #waiting = new Map<string, Set<(endLease: EndLease) => void>>();
  #closed = false;

  constructor(servers: Servers, channel: string) {
    this.#servers = servers;
    this.#channel = channel;
  }

  /** Acquires a lease, unless no entry was found before (`wasAbsent`) and another process has stored one since. */
  async lease(key: string, limitMs: number, wasAbsent: boolean): Promise<EndLease> {
    const { names, commands } = this.#servers.bucketOf(key);
    const name = names.lease + key;
    const token = randomBytes(12).toString('base64');
    // The message about the end of a lease may arrive before the reply that the lease exists.
    let over = false;
    const stopListening = this.#listen(key, () => {
      over = true;
    });
    const args = [name, names.entry + key, token, String(Math.ceil(limitMs)), wasAbsent ? '1' : '0'];
    const taken = await commands.write(['EVAL', takeLease, '2', ...args]);
    stopListening();
    if (taken === 0 && !this.#closed) return over ? undefined : this.#wait(key, name, limitMs);
    if (taken === 2) return undefined;
    if (taken !== 1) return withoutRedis;
    return once(() => {
      const message = encodeMessage({ ended: key });
      const { commands } = this.#servers.bucketOf(key);
      commands.sendWithoutReply(['EVAL', endLease, '1', name, token, this.#channel, message]);
    });
  }

  /** Resumes the callers that wait for a lease of another process. */
  ended(key: string): void {
    this.#wake(key, undefined);
  }

  /** Resumes the callers whose server can no longer be used. */
  resume(): void {
    for (const key of [...this.#waiting.keys()]) {
      if (this.#closed || !this.#servers.bucketOf(key).commands.up) this.#wake(key, withoutRedis);
    }
  }

  close(): void {
    this.#closed = true;
    this.resume();
  }

  #wait(key: string, name: string, limitMs: number): Promise<EndLease> {
    return new Promise((resolve) => {
      const done = (endLease: EndLease): void => {
        stopListening();
        clearTimeout(limit);
        clearInterval(poll);
        resolve(endLease);
      };
      const stopListening = this.#listen(key, done);
      const limit = setTimeout(done, limitMs, undefined);
      const poll = setInterval(async () => {
        const { commands } = this.#servers.bucketOf(key);
        if ((await commands.send(['EXISTS', name])) === 0) done(undefined);
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
}
