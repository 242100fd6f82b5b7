import { EventEmitter, once } from 'node:events';
import { performance } from 'node:perf_hooks';
import { debugFor } from '../support/debug.js';
import { CircuitBreaker } from './circuit-breaker.js';
import { type Connection, send } from './client.js';
import { ReconnectingClient, replyLimitMs } from './reconnecting-client.js';
import type { RedisStoreEvent } from './store-events.js';
import type { TemplateSource } from './templates.js';

const debug = debugFor('redis-store');

/** A command whose reply is not received yet. Replies arrive in the order of commands. */
interface PendingCommand {
  readonly sentAt: number;
  readonly bytes: number;
}

export type Argument = string | Buffer;
/** Called when Redis replies with an error. */
type OnRefusal = (error: unknown) => void;

/** The errors of a server that is not responsible for a key, or no longer a master. */
const moved = /^(?:MOVED|CLUSTERDOWN|READONLY)\b/;
const maxPending = 10_000;
const maxPendingBytes = 16 * 1024 * 1024;
/** No writes are sent for this time after Redis has refused one, for example because its memory is full. */
const writePauseMs = 1000;
/** A probe is sent after this time without a command, because servers close idle connections. */
const maxIdleMs = 5000;

/** The commands of one server. */
export type Commands = Pick<RedisCommands, 'up' | 'writable' | 'send' | 'write' | 'sendWithoutReply'>;

export interface CommandSettings {
  /** The maximum wait for a reply in milliseconds. */
  readonly timeoutMs: number;
  /** The command that is sent to find out whether Redis replies. */
  readonly probe: readonly string[];
  readonly report: (event: RedisStoreEvent) => void;
  /** Called when another server of a cluster is responsible for a key, or when none is. */
  readonly onMoved?: () => void;
}

/**
 * Sends commands to Redis and waits a limited time for each reply. A command is not sent when its reply cannot arrive
 * in time: without a connection, behind an overdue command, or while the circuit is open.
 */
export class RedisCommands {
  readonly #client: ReconnectingClient;
  readonly #circuit: CircuitBreaker;
  readonly #timeoutMs: number;
  readonly #probe: readonly Argument[];
  readonly #report: (event: RedisStoreEvent) => void;
  readonly #onMoved: (() => void) | undefined;
  readonly #pending = new Set<PendingCommand>();
  readonly #events = new EventEmitter<{ down: []; up: []; known: [] }>();
  #pendingBytes = 0;
  /** The number of overdue commands. Redis replies in order, so replies to later commands would also be late. */
  #overdue = 0;
  #lastSentAt = 0;
  #probing = false;
  #isKnown = false;
  #refusedAt: number | undefined;
  #writesPausedUntil = 0;

  constructor(template: TemplateSource, { timeoutMs, probe, report, onMoved }: CommandSettings) {
    this.#timeoutMs = timeoutMs;
    this.#probe = probe;
    this.#onMoved = onMoved;
    this.#report = report;
    this.#circuit = new CircuitBreaker({
      onOpen: (reason) => {
        report({ event: 'down', reason });
        this.#changed('down');
      },
      onClose: (openMs) => {
        if (openMs !== undefined) report({ event: 'up', afterMs: Math.round(openMs) });
        this.#changed('up');
      },
    });
    this.#client = new ReconnectingClient(template, {
      onReady: () => this.tick(),
      onDown: (error) => this.#circuit.lost(`no connection: ${messageOf(error)}`, performance.now()),
    });
  }

  get up(): boolean {
    return this.#circuit.closed;
  }

  /** Whether a write would be sent now. */
  get writable(): boolean {
    return this.up && this.#overdue === 0 && performance.now() >= this.#writesPausedUntil;
  }

  /** Resolves when the first connection attempt has succeeded (true) or failed (false). */
  async ready(): Promise<boolean> {
    if (this.#isKnown) return this.up;
    // The connections are unref'd, but the process must not exit while a caller awaits this promise.
    const alive = setInterval(() => {}, replyLimitMs);
    await once(this.#events, 'known');
    clearInterval(alive);
    return this.up;
  }

  /** Adds a listener for the state of Redis, which is called at each change and for the first state. */
  on(state: 'down' | 'up', listener: () => void): void {
    this.#events.on(state, listener);
  }

  /** Sends a command that writes, with the same result. For a second after a refusal no writes are sent. */
  write(args: readonly Argument[], bytes = 0): Promise<unknown> {
    if (performance.now() < this.#writesPausedUntil) return nothing;
    return this.send(args, bytes, (error) => this.#refused(error)).then((reply) => {
      if (reply !== undefined) this.#accepted();
      return reply;
    });
  }

  /** Sends a command without waiting for its reply, even behind an overdue command. */
  sendWithoutReply(args: readonly Argument[]): void {
    const { connection } = this.#client;
    if (!connection || !this.#circuit.closed || this.#pending.size >= maxPending) return;
    void this.#dispatch(connection, args);
  }

  /** Sends a probe when one is due or the connection is idle, and replaces a dead connection. */
  tick(): void {
    const { connection } = this.#client;
    if (!connection) return;
    const now = performance.now();
    const [oldest] = this.#pending;
    if (oldest && this.#client.replaceIfDead(oldest.sentAt, now)) return;
    if (this.#probing) return;
    if (this.#circuit.mayProbe(now) || now - this.#lastSentAt > maxIdleMs) void this.#sendProbe(connection);
  }

  close(): void {
    this.#client.close();
    this.#circuit.closed = false;
    this.#changed('down');
  }

  async #sendProbe(connection: Connection): Promise<void> {
    this.#probing = true;
    const reply = await this.#dispatch(connection, this.#probe);
    this.#probing = false;
    if (reply !== undefined && this.#client.connection === connection) this.#circuit.close(performance.now());
  }

  /** Sends a command. Resolves to the reply, or to `undefined` when no reply is received in time. */
  send(args: readonly Argument[], bytes = 0, onRefusal?: OnRefusal): Promise<unknown> {
    const { connection } = this.#client;
    if (!connection || !this.#circuit.closed) return nothing;
    if (this.#overdue > 0) {
      this.#circuit.failed(`no reply in ${this.#timeoutMs} ms`, performance.now());
      return nothing;
    }
    if (this.#pending.size >= maxPending || this.#pendingBytes + bytes > maxPendingBytes) return nothing;
    return this.#dispatch(connection, args, bytes, onRefusal);
  }

  #dispatch(
    connection: Connection,
    args: readonly Argument[],
    bytes = 0,
    onRefusal?: OnRefusal,
  ): Promise<unknown> {
    return new Promise((resolve) => {
      const command = { sentAt: performance.now(), bytes };
      this.#lastSentAt = command.sentAt;
      let timedOut = false;
      this.#pending.add(command);
      this.#pendingBytes += bytes;
      const onTimeout = (): void => {
        if (!this.#pending.has(command)) return;
        timedOut = true;
        this.#overdue++;
        this.#circuit.failed(`no reply in ${this.#timeoutMs} ms`, performance.now());
        resolve(undefined);
      };
      // A busy event loop of this process must not make a reply overdue. The time starts when the command is
      // written, at the end of this turn. It ends after the replies in the socket are read.
      let timer: NodeJS.Timeout | undefined;
      const written = setImmediate(() => {
        timer = setTimeout(setImmediate, this.#timeoutMs, onTimeout);
      });
      const settle = (): void => {
        clearImmediate(written);
        clearTimeout(timer);
        if (timedOut) this.#overdue--;
        this.#pending.delete(command);
        this.#pendingBytes -= bytes;
      };
      send(connection, args).then(
        (reply) => {
          settle();
          if (!timedOut) this.#circuit.succeeded();
          resolve(reply);
        },
        (error) => {
          settle();
          debug(() => ['%s: %s', args[0], error]);
          // An error of a lost connection is not a refusal.
          if (this.#client.connection === connection) {
            if (moved.test(messageOf(error))) this.#onMoved?.();
            if (onRefusal) onRefusal(error);
            else this.#circuit.failed(messageOf(error), performance.now());
          }
          resolve(undefined);
        },
      );
    });
  }

  #changed(state: 'down' | 'up'): void {
    this.#events.emit(state);
    if (this.#isKnown) return;
    this.#isKnown = true;
    this.#events.emit('known');
  }

  #refused(error: unknown): void {
    const now = performance.now();
    this.#writesPausedUntil = now + writePauseMs;
    if (this.#refusedAt !== undefined) return;
    this.#refusedAt = now;
    this.#report({ event: 'read-only', reason: messageOf(error) });
  }

  #accepted(): void {
    if (this.#refusedAt === undefined) return;
    const afterMs = Math.round(performance.now() - this.#refusedAt);
    this.#refusedAt = undefined;
    this.#report({ event: 'writable', afterMs });
  }
}

const nothing: Promise<undefined> = Promise.resolve(undefined);

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message || error.name : String(error);
}
