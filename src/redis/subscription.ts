import { performance } from 'node:perf_hooks';
import { debugFor } from '../support/debug.js';
import { type Connection, send } from './client.js';
import { ReconnectingClient } from './reconnecting-client.js';
import { decodeMessage, type StoreMessage } from './store-messages.js';
import type { TemplateSource } from './templates.js';

const debug = debugFor('redis-store');

/** For this time after the last successful ping the subscription is treated as complete. */
export const maxUncheckedMs = 1000;

interface SubscriptionEvents {
  onMessage(message: StoreMessage): void;
  /** Called when messages may have been missed. */
  onGap(): void;
}

/**
 * Receives the messages of other processes. Every tick sends a ping, because a dead connection may not cause an error
 * for minutes. Redis sends in order, so the reply proves that all messages published before the ping were received.
 */
export class Subscription {
  readonly #client: ReconnectingClient;
  readonly #events: SubscriptionEvents;
  #subscribed: Connection | undefined;
  #completeUntil = -Infinity;
  #pingedAt: number | undefined;
  #hasGap = true;

  constructor(template: TemplateSource, channels: readonly string[], events: SubscriptionEvents) {
    this.#events = events;
    this.#client = new ReconnectingClient(template, {
      onReady: (connection) => void this.#subscribe(connection, channels),
      onDown: (error) => {
        debug(() => ['subscription: %s', error]);
        this.#subscribed = undefined;
        this.#pingedAt = undefined;
      },
    });
  }

  /** Whether all messages that were published more than a second ago have been received. */
  isCurrent(now: number): boolean {
    if (now - this.#completeUntil < maxUncheckedMs) return true;
    if (!this.#hasGap) {
      this.#hasGap = true;
      this.#events.onGap();
    }
    return false;
  }

  tick(): void {
    const connection = this.#subscribed;
    if (!connection) return;
    const now = performance.now();
    if (this.#pingedAt === undefined) void this.#ping(connection, now);
    else this.#client.replaceIfDead(this.#pingedAt, now);
  }

  /** Connects again, because another server publishes the messages now. */
  replace(): void {
    this.#client.replace(new Error('another server publishes the messages'));
  }

  close(): void {
    this.#client.close();
    this.#completeUntil = -Infinity;
  }

  async #subscribe(connection: Connection, channels: readonly string[]): Promise<void> {
    const sentAt = performance.now();
    try {
      await connection.subscribe(channels, (text) => {
        const message = decodeMessage(text);
        debug(() => ['received: %o', message ?? text]);
        if (message) this.#events.onMessage(message);
      });
      if (this.#client.connection !== connection) return;
      // Messages may have been published between two connections.
      this.#events.onGap();
      this.#subscribed = connection;
      this.#received(sentAt);
    } catch (error) {
      if (this.#client.connection === connection) this.#client.replace(error as Error);
    }
  }

  async #ping(connection: Connection, now: number): Promise<void> {
    this.#pingedAt = now;
    try {
      await send(connection, ['PING']);
      if (this.#subscribed !== connection) return;
      this.#pingedAt = undefined;
      this.#received(now);
    } catch (error) {
      if (this.#subscribed === connection) this.#client.replace(error as Error);
    }
  }

  #received(until: number): void {
    this.#completeUntil = until;
    this.#hasGap = false;
  }
}
