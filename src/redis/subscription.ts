import { performance } from 'node:perf_hooks';
import { debugFor } from '../support/debug.js';
import { type Connection, type RedisStoreClient, send } from './client.js';
import { decodeMessage, type Message } from './messages.js';
import { RedisLink } from './redis-link.js';

const debug = debugFor('redis-store');

/** How long nothing needs to be heard until something may have been missed. */
export const leaseMs = 1000;
const deadMs = 5000;

/** What a {@link Subscription} hears. */
export interface SubscriptionEvents {
  onMessage(message: Message): void;
  /** Messages may have been missed; what is told from now on is heard. */
  onGap(): void;
}

/**
 * Hears what other processes tell. A connection may be dead for minutes before anybody knows, so it is asked for an
 * answer every tick: as Redis sends in order, the answer proves that all was heard that had been told when the question
 * was sent.
 */
export class Subscription {
  readonly #link: RedisLink;
  readonly #events: SubscriptionEvents;
  #subscribed: Connection | undefined;
  #heardAllUntil = -Infinity;
  #askedAt: number | undefined;
  #lapsed = true;

  constructor(client: RedisStoreClient, channel: string, events: SubscriptionEvents) {
    this.#events = events;
    this.#link = new RedisLink(client, {
      onReady: (connection) => void this.#subscribe(connection, channel),
      onDown: (error) => {
        debug(() => ['subscription: %s', error]);
        this.#subscribed = undefined;
        this.#askedAt = undefined;
      },
    });
  }

  /** Whether everything that was told more than a second ago has been heard. */
  isCurrent(now: number): boolean {
    if (now - this.#heardAllUntil < leaseMs) return true;
    if (!this.#lapsed) {
      this.#lapsed = true;
      this.#events.onGap();
    }
    return false;
  }

  tick(): void {
    const connection = this.#subscribed;
    if (!connection) return;
    const now = performance.now();
    if (this.#askedAt === undefined) void this.#ping(connection, now);
    else if (now - this.#askedAt > deadMs) this.#link.replace(new Error(`no answer for ${deadMs} ms`));
  }

  close(): void {
    this.#link.close();
    this.#heardAllUntil = -Infinity;
  }

  async #subscribe(connection: Connection, channel: string): Promise<void> {
    const sentAt = performance.now();
    try {
      await connection.subscribe(channel, (text) => {
        const message = decodeMessage(text);
        debug(() => ['told: %o', message ?? text]);
        if (message) this.#events.onMessage(message);
      });
      if (this.#link.connection !== connection) return;
      // between two connections anything may have been told
      this.#events.onGap();
      this.#subscribed = connection;
      this.#heard(sentAt);
    } catch (error) {
      if (this.#link.connection === connection) this.#link.replace(error as Error);
    }
  }

  async #ping(connection: Connection, now: number): Promise<void> {
    this.#askedAt = now;
    try {
      await send(connection, ['PING']);
      if (this.#subscribed !== connection) return;
      this.#askedAt = undefined;
      this.#heard(now);
    } catch (error) {
      if (this.#subscribed === connection) this.#link.replace(error as Error);
    }
  }

  #heard(until: number): void {
    this.#heardAllUntil = until;
    this.#lapsed = false;
  }
}
