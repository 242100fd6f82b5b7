import { EventEmitter, once } from 'node:events';
import { performance } from 'node:perf_hooks';
import { debugFor } from '../support/debug.js';
import { Circuit } from './circuit.js';
import { type Connection, type RedisStoreClient, send } from './client.js';
import { RedisLink } from './redis-link.js';
import { getEntry } from './scripts.js';
import type { RedisStoreEvent } from './store-log.js';

const debug = debugFor('redis-store');

/** Answers come in the order of questions: what was asked and not answered yet, the oldest first. */
interface Question {
  readonly askedAt: number;
  readonly bytes: number;
}

export type Argument = string | Buffer;

const mostPending = 10_000;
const mostPendingBytes = 16 * 1024 * 1024;
/** A connection on which nothing comes back for so long is given up. */
const deadMs = 5000;
/** Who refused to keep something is asked again after this time. */
const heldMs = 1000;
/** Servers end connections on which nothing is asked for long. */
const idleMs = 5000;

/**
 * Asks Redis, and waits a bounded time for each answer. Nothing is asked while it is known that no answer can come in
 * time: without a connection, behind a question that is overdue, while the circuit is open.
 */
export class RedisCommands {
  readonly #link: RedisLink;
  readonly #circuit: Circuit;
  readonly #timeoutMs: number;
  readonly #probe: readonly Argument[];
  readonly #report: (event: RedisStoreEvent) => void;
  readonly #pending = new Set<Question>();
  readonly #turns = new EventEmitter<{ down: []; up: []; known: [] }>();
  #pendingBytes = 0;
  /** Questions that are overdue: behind them no answer comes in time. */
  #late = 0;
  #askedAt = 0;
  #probing = false;
  #known = false;
  #refusedAt: number | undefined;
  #heldUntil = 0;

  constructor(
    client: RedisStoreClient,
    {
      timeoutMs,
      probeKey,
      report,
    }: { timeoutMs: number; probeKey: string; report: (event: RedisStoreEvent) => void },
  ) {
    this.#timeoutMs = timeoutMs;
    this.#probe = ['EVAL', getEntry, '1', probeKey, ''];
    this.#report = report;
    this.#circuit = new Circuit({
      onOpen: (reason) => {
        report({ event: 'down', reason });
        this.#turned('down');
      },
      onClose: (openMs) => {
        if (openMs !== undefined) report({ event: 'up', afterMs: Math.round(openMs) });
        this.#turned('up');
      },
    });
    this.#link = new RedisLink(client, {
      onReady: () => this.tick(),
      onDown: (error) => this.#circuit.lost(`no connection: ${messageOf(error)}`, performance.now()),
    });
  }

  get up(): boolean {
    return this.#circuit.closed;
  }

  /** Whether something large is worth the work of being prepared. */
  get writable(): boolean {
    return this.up && this.#late === 0 && performance.now() >= this.#heldUntil;
  }

  /** Resolves as soon as it is known whether Redis can be asked. */
  async known(): Promise<boolean> {
    if (this.#known) return this.up;
    // the connections keep nobody alive, but who waits for them is not done
    const alive = setInterval(() => {}, deadMs);
    await once(this.#turns, 'known');
    clearInterval(alive);
    return this.up;
  }

  /** Calls back each time Redis is lost or found, the first time included. */
  onTurn(turn: 'down' | 'up', listener: () => void): void {
    this.#turns.on(turn, listener);
  }

  /** The answer; `undefined` when there is none in time. */
  ask(args: readonly Argument[]): Promise<unknown> {
    return this.#ask(args, 0, undefined);
  }

  /** The same for what changes something. One who refuses to keep anything is left alone for a while. */
  write(args: readonly Argument[], bytes = 0): Promise<unknown> {
    if (performance.now() < this.#heldUntil) return nothing;
    return this.#ask(args, bytes, (error) => this.#refused(error)).then((answer) => {
      if (answer !== undefined) this.#accepted();
      return answer;
    });
  }

  /** Sends what nobody waits for, also behind a question that is overdue. */
  tell(args: readonly Argument[]): void {
    const { connection } = this.#link;
    if (!connection || !this.#circuit.closed || this.#pending.size >= mostPending) return;
    void this.#send(connection, args, 0, undefined);
  }

  /** Probes when it is time to, or nothing else is asked, and gives up a connection that is dead. */
  tick(): void {
    const { connection } = this.#link;
    if (!connection) return;
    const now = performance.now();
    const [oldest] = this.#pending;
    if (oldest && now - oldest.askedAt > deadMs) {
      this.#link.replace(new Error(`no answer for ${deadMs} ms`));
    } else if (!this.#probing && (this.#circuit.mayProbe(now) || now - this.#askedAt > idleMs)) {
      void this.#sendProbe(connection);
    }
  }

  close(): void {
    this.#link.close();
    this.#circuit.closed = false;
    this.#turned('down');
  }

  async #sendProbe(connection: Connection): Promise<void> {
    this.#probing = true;
    const answer = await this.#send(connection, this.#probe, 0, undefined);
    this.#probing = false;
    if (answer !== undefined && this.#link.connection === connection) this.#circuit.close(performance.now());
  }

  #ask(
    args: readonly Argument[],
    bytes: number,
    onRefusal: ((error: unknown) => void) | undefined,
  ): Promise<unknown> {
    const { connection } = this.#link;
    if (!connection || !this.#circuit.closed) return nothing;
    if (this.#late > 0) {
      this.#circuit.failed(`no answer in ${this.#timeoutMs} ms`, performance.now());
      return nothing;
    }
    if (this.#pending.size >= mostPending || this.#pendingBytes + bytes > mostPendingBytes) return nothing;
    return this.#send(connection, args, bytes, onRefusal);
  }

  #send(
    connection: Connection,
    args: readonly Argument[],
    bytes: number,
    onRefusal: ((error: unknown) => void) | undefined,
  ): Promise<unknown> {
    return new Promise((resolve) => {
      const question = { askedAt: performance.now(), bytes };
      this.#askedAt = question.askedAt;
      let late = false;
      this.#pending.add(question);
      this.#pendingBytes += bytes;
      const giveUp = (): void => {
        if (!this.#pending.has(question)) return;
        late = true;
        this.#late++;
        this.#circuit.failed(`no answer in ${this.#timeoutMs} ms`, performance.now());
        resolve(undefined);
      };
      // a process that is busy itself is no fault of Redis: the question is written at the end of this turn, and an
      // answer that lies in the socket is not late
      let timer: NodeJS.Timeout | undefined;
      const written = setImmediate(() => {
        timer = setTimeout(setImmediate, this.#timeoutMs, giveUp);
      });
      const settle = (): void => {
        clearImmediate(written);
        clearTimeout(timer);
        if (late) this.#late--;
        this.#pending.delete(question);
        this.#pendingBytes -= bytes;
      };
      send(connection, args).then(
        (answer) => {
          settle();
          if (!late) this.#circuit.succeeded();
          resolve(answer);
        },
        (error) => {
          settle();
          debug(() => ['%s: %s', args[0], error]);
          // what a lost connection takes with it is no refusal
          if (this.#link.connection === connection) {
            if (onRefusal) onRefusal(error);
            else this.#circuit.failed(messageOf(error), performance.now());
          }
          resolve(undefined);
        },
      );
    });
  }

  #turned(turn: 'down' | 'up'): void {
    this.#turns.emit(turn);
    if (this.#known) return;
    this.#known = true;
    this.#turns.emit('known');
  }

  #refused(error: unknown): void {
    const now = performance.now();
    this.#heldUntil = now + heldMs;
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
