import { isPromise } from '../support/is-promise.js';
import { type Connection, duplicateOf, end, type Template } from './client.js';
import type { TemplateSource } from './templates.js';

interface ConnectionEvents {
  /** The connection can be used. */
  onReady(connection: Connection): void;
  /** The connection is lost, or an attempt has failed. */
  onDown(error: unknown): void;
}

const firstRetryMs = 50;
const longestRetryMs = 2000;
/** A connection is replaced when a command has no reply after this time. */
export const replyLimitMs = 5000;
/** The time limit of the handshake, for a server that accepts the connection and then sends nothing. */
const handshakeLimitMs = 10_000;

/** One connection of the store, which is replaced when it ends. It does not keep the process alive. */
export class ReconnectingClient {
  /** The connection, while it can be used. */
  connection: Connection | undefined;
  readonly #template: TemplateSource;
  readonly #events: ConnectionEvents;
  #drop = (_error: unknown): void => {};
  #retry: NodeJS.Timeout | undefined;
  #retryMs = firstRetryMs;
  #closed = false;

  constructor(template: TemplateSource, events: ConnectionEvents) {
    this.#template = template;
    this.#events = events;
    this.#connect();
  }

  /** Closes the connection and opens another one. */
  replace(error: Error): void {
    this.#drop(error);
  }

  /** Replaces the connection if a command that was sent at `sentAt` has had no reply for too long, and returns whether. */
  replaceIfDead(sentAt: number, now: number): boolean {
    if (now - sentAt <= replyLimitMs) return false;
    this.replace(new Error(`no reply for ${replyLimitMs} ms`));
    return true;
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#retry);
    this.#drop(new Error('the store is closed'));
  }

  #connect(): void {
    let connection: Connection | undefined;
    let dropped = false;
    let opened = false;

    const drop = (error: unknown): void => {
      if (dropped) return;
      dropped = true;
      clearTimeout(handshake);
      this.connection = undefined;
      // Version 4 cannot close a connection that is being opened: see `connect` below.
      if (opened && connection) end(connection);
      if (this.#closed) return;
      this.#retry = setTimeout(() => this.#connect(), this.#retryMs * (1 + Math.random()) * 0.5).unref();
      this.#retryMs = Math.min(2 * this.#retryMs, longestRetryMs);
      this.#events.onDown(error);
    };
    const handshake = setTimeout(drop, handshakeLimitMs, new Error('no greeting in time')).unref();
    this.#drop = drop;

    const open = (template: Template): void => {
      if (dropped) return;
      const opening = duplicateOf(template);
      connection = opening;
      opening.on('error', drop);
      opening.on('end', () => drop(new Error('the connection was closed')));
      opening.on('connect', () => {
        opened = true;
        // Version 4 must start its handshake first, because closing it earlier causes an unhandled rejection.
        if (dropped) setImmediate(end, opening);
      });
      opening.on('ready', () => {
        if (dropped) return;
        clearTimeout(handshake);
        this.#retryMs = firstRetryMs;
        this.connection = opening;
        this.#events.onReady(opening);
      });
      opening.connect().catch((error) => {
        drop(error);
        end(opening);
      });
    };
    const template = this.#template();
    if (isPromise(template)) template.then(open).catch(drop);
    else open(template);
  }
}
