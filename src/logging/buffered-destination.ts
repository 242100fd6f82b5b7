import cluster from 'node:cluster';
import fs from 'node:fs';
import { isMainThread } from 'node:worker_threads';
import { debugFor } from '../support/debug.js';
import { warnOnce } from '../support/errors.js';
import { fileStats } from '../support/file-stats.js';
import { withTimeLimit } from '../support/time-limit.js';
import { unobserved } from '../support/unobserved.js';
import { limitLine, maxLineBytes } from './line-limit.js';
import { type ExitMember, exitHooks } from './log-exit.js';
import { LogQueue, pieceLength } from './log-queue.js';
import type { Sink } from './log-sink.js';

/** A destination for log lines, in the form that pino takes. */
export interface LogDestination {
  /** Queues a line that ends in a newline. It never blocks and never throws. */
  write(line: string): void;
  /** Resolves when all lines queued so far are written or dropped. */
  flush(callback?: (error?: Error) => void): Promise<void>;
  /** Writes all lines before it returns, unless the reader accepts no bytes for `exitDeadlineMs`. */
  flushSync(): void;
  /** Writes the queued lines within `exitDeadlineMs`. Then it removes its listeners and closes what it opened. */
  close(): Promise<void>;
}

/** Lines of level 60 and above may exceed the limit by this many bytes. */
const fatalReserve = 262_144;
/** POSIX writes this many bytes to a pipe in one piece, so that lines of several writers are not mixed. */
const pipeBuf = process.platform === 'linux' ? 4096 : 512;
/**
 * Lines are written in one batch after this time, or earlier when the batch has this many bytes. It halves the cost of
 * a line.
 */
const batchMs = 10;
const batchBytes = 16_384;
/** After this many bytes, writing continues in the next turn of the event loop. */
const bytesPerTurn = 262_144;
const shortestPauseMs = 5;
const longestPauseMs = 100;
const faultPauseMs = 1000;
/** When the process ends, a slow reader gets up to this many deadlines while it continues to read. */
const mostDeadlines = 10;

const fatalLine = /^\{"level":(?:[6-9]\d|\d{3,}|"fatal")[,}]/i;
const closedCodes = new Set(['EPIPE', 'EBADF', 'ECONNRESET', 'ENOTCONN']);

const debug = debugFor('log');
/** Closes the descriptor of a destination that was never closed and that no logger uses any more. */
const openDescriptors = new FinalizationRegistry<number>((fd) => fs.close(fd, () => {}));
const sleeper = new Int32Array(new SharedArrayBuffer(4));

interface AsyncWrite {
  readonly length: number;
  /** The size of the file after these bytes are written. */
  readonly sizeAfter: number;
}

/** The destination that `createLogDestination` returns. */
export class BufferedDestination implements LogDestination, ExitMember {
  readonly #sink: Sink;
  readonly #maxBytes: number;
  readonly #deadlineMs: number;
  readonly #queue = new LogQueue();
  readonly #leaveExitHooks: () => void;
  #open = true;
  #stopped = false;
  #exiting = false;
  /** A turn is scheduled: immediately, after a pause, or when the asynchronous write ends. */
  #scheduled = false;
  #timer: NodeJS.Timeout | undefined;
  /** The timer that is set only collects a batch. */
  #gathering = false;
  #pauseMs = shortestPauseMs;
  #writing: AsyncWrite | undefined;
  #callbacks = 0;
  #dropped = 0;
  /** The last synchronous flush reached its deadline, and no bytes were written since. */
  #stuck = false;
  /** Resolves when the descriptor is closed; `undefined` until it is being closed. */
  #closing: Promise<void> | undefined;
  #waiters: { chunks: number; resolve: () => void }[] = [];

  constructor(sink: Sink, maxBytes: number, deadlineMs: number) {
    this.#sink = sink;
    this.#maxBytes = maxBytes;
    this.#deadlineMs = deadlineMs;
    this.#leaveExitHooks = exitHooks.add(this);
    if (sink.owned) openDescriptors.register(this, sink.fd, this);
  }

  /** The file, or the name of the descriptor. */
  get name(): string {
    return this.#sink.name;
  }

  write(line: string): void {
    if (!this.#open) return;
    const limited = limitLine(line, Math.min(maxLineBytes, this.#maxBytes));
    if (!this.#hasRoom(limited)) return;
    this.#queue.push(limited);
    if (this.#exiting) this.flushSync();
    else if (!this.#scheduled) this.#gather();
    else if (this.#gathering && this.#queue.bytes >= batchBytes) this.#hurry();
  }

  /** After lines were dropped, new lines are queued once half of the buffer is free. */
  #hasRoom(line: string): boolean {
    const size = this.#queue.bytes + line.length;
    if (size <= (this.#dropped === 0 ? this.#maxBytes : this.#maxBytes / 2)) {
      if (this.#dropped !== 0) this.#reportDropped();
      return true;
    }
    if (size <= this.#maxBytes + fatalReserve && fatalLine.test(line)) return true;
    this.#dropped += 1;
    return false;
  }

  #reportDropped(): void {
    const dropped = this.#dropped;
    const msg = `${dropped} log lines dropped: ${this.#sink.name} did not take them in time`;
    const record = { level: 40, time: Date.now(), pid: process.pid, dropped, msg };
    this.#queue.push(`${JSON.stringify(record)}\n`);
    this.#dropped = 0;
  }

  #schedule(): void {
    this.#scheduled = true;
    setImmediate(this.#turn);
  }

  #scheduleAfter(ms: number): void {
    this.#scheduled = true;
    this.#timer = setTimeout(this.#turn, ms);
    this.#timer.unref();
  }

  #gather(): void {
    this.#gathering = true;
    this.#scheduleAfter(batchMs);
  }

  #hurry(): void {
    if (!this.#gathering) return;
    this.#gathering = false;
    clearTimeout(this.#timer);
    this.#schedule();
  }

  // a request may have started the timer; the detector of synchronous calls must not blame that request
  readonly #turn = (): void => unobserved(this.#takeTurn);

  readonly #takeTurn = (): void => {
    this.#scheduled = false;
    this.#gathering = false;
    // a timer refers to the request in which it was set
    this.#timer = undefined;
    if (this.#stopped) return;
    if (this.#sink.isFile) this.#startWrite();
    else this.#writeTurn();
  };

  #head(): Buffer | undefined {
    if (this.#dropped !== 0 && this.#queue.bytes === 0) this.#reportDropped();
    return this.#queue.head();
  }

  #writeTurn(): void {
    const until = this.#queue.bytes - bytesPerTurn;
    for (let head = this.#head(); head !== undefined; head = this.#head()) {
      if (this.#queue.bytes < until) {
        this.#schedule();
        return;
      }
      const taken = this.#writePiece(head, hasOtherWriters() ? pipeBuf : head.length);
      if (taken === 'full') {
        this.#scheduleAfter(this.#pauseMs);
        this.#pauseMs = Math.min(this.#pauseMs * 2, longestPauseMs);
      }
      if (taken !== 'taken') return;
    }
  }

  #writePiece(head: Buffer, limit: number): 'taken' | 'full' | 'failed' {
    const { fd, isFile } = this.#sink;
    const { start } = this.#queue;
    const length = isFile ? head.length - start : pieceLength(head, start, limit);
    try {
      this.#wrote(fs.writeSync(fd, head, start, length));
      return 'taken';
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'EAGAIN') return 'full';
      this.#fail(error as NodeJS.ErrnoException);
      return 'failed';
    }
  }

  #wrote(bytes: number): void {
    this.#stuck = false;
    this.#pauseMs = shortestPauseMs;
    if (!this.#queue.advance(bytes) || this.#waiters.length === 0) return;
    for (const waiter of this.#waiters) waiter.chunks -= 1;
    this.#release((waiter) => waiter.chunks <= 0);
  }

  #release(due: (waiter: { chunks: number }) => boolean): void {
    const waiters = this.#waiters;
    this.#waiters = waiters.filter((waiter) => !due(waiter));
    for (const waiter of waiters) if (due(waiter)) waiter.resolve();
  }

  /** Starts to write the next chunk to a file asynchronously. One write at a time preserves the order. */
  #startWrite(): void {
    const head = this.#head();
    if (head === undefined) return;
    const { fd } = this.#sink;
    const { start } = this.#queue;
    const length = head.length - start;
    const write: AsyncWrite = { length, sizeAfter: sizeOf(fd) + length };
    this.#writing = write;
    this.#scheduled = true;
    this.#callbacks += 1;
    fs.write(fd, head, start, length, null, (error, written) => {
      this.#callbacks -= 1;
      if (this.#stopped) this.#closeDescriptor();
      // a synchronous flush has already counted this write
      if (this.#writing !== write) return;
      this.#writing = undefined;
      this.#scheduled = false;
      if (error) this.#fail(error);
      else this.#wrote(written);
      if (this.#scheduled || (this.#queue.bytes === 0 && this.#dropped === 0)) return;
      if (this.#queue.bytes >= batchBytes || this.#waiters.length > 0) this.#schedule();
      else this.#gather();
    });
  }

  /**
   * The asynchronous write runs in another thread. While this thread is blocked, only the size of the file shows its
   * progress.
   */
  #awaitWrite(deadline: number): void {
    const write = this.#writing;
    if (write === undefined) return;
    while (sizeOf(this.#sink.fd) < write.sizeAfter && performance.now() < deadline) sleep();
    this.#writing = undefined;
    this.#wrote(write.length);
    this.#schedule();
  }

  /** Logging stops when the reader has closed. After other errors, such as a full disk, the write is repeated. */
  #fail(error: NodeJS.ErrnoException): void {
    const { name } = this.#sink;
    if (closedCodes.has(error.code ?? '')) {
      this.#stop();
      warnOnce('ERR_PRODUCTIONIZE_LOG_STOPPED', `Logging to ${name} stopped: ${error.message}.`, name);
      return;
    }
    warnOnce(
      'ERR_PRODUCTIONIZE_LOG_STOPPED',
      `Logging to ${name} fails and is tried again every second: ${error.message}.`,
      `${name} ${error.code}`,
    );
    if (!this.#scheduled) this.#scheduleAfter(faultPauseMs);
  }

  flush(callback?: (error?: Error) => void): Promise<void> {
    const chunks = this.#queue.seal();
    const done =
      chunks === 0 || this.#stopped
        ? Promise.resolve()
        : new Promise<void>((resolve) => this.#waiters.push({ chunks, resolve }));
    this.#hurry();
    if (callback) void done.then(() => callback());
    return done;
  }

  flushSync(): void {
    if (!this.#stopped) this.#drain(this.#stuck ? 0 : this.#deadlineMs);
  }

  tryFlush(): void {
    if (!this.#stopped && !this.#sink.isFile) this.#drain(0);
  }

  finish(): void {
    this.#exiting = true;
    this.flushSync();
  }

  #drain(patienceMs: number): void {
    const begin = performance.now();
    const end = begin + patienceMs * mostDeadlines;
    let deadline = begin + patienceMs;
    this.#awaitWrite(deadline);
    for (let head = this.#head(); head !== undefined; head = this.#head()) {
      // when the reader takes no more before the process ends, the last line it has is whole
      const taken = this.#writePiece(head, pipeBuf);
      if (taken === 'failed') return;
      if (taken === 'taken') deadline = Math.min(performance.now() + patienceMs, end);
      else if (performance.now() < deadline) sleep();
      else {
        if (patienceMs > 0) this.#stuck = true;
        return;
      }
    }
  }

  async close(): Promise<void> {
    this.#open = false;
    await withTimeLimit(this.flush(), this.#deadlineMs, () => {});
    this.#stop();
    this.#leaveExitHooks();
    await this.#closing;
  }

  /** The process listeners remain until `close`, because the app may still print to the closed pipe. */
  #stop(): void {
    if (this.#stopped) return;
    debug(() => ['%s: stopped with %d bytes unwritten', this.#sink.name, this.#queue.bytes]);
    this.#open = false;
    this.#stopped = true;
    this.#queue.clear();
    clearTimeout(this.#timer);
    this.#release(() => true);
    this.#closeDescriptor();
  }

  #closeDescriptor(): void {
    // if the descriptor is closed during a write, another file may get its number before the write starts
    if (!this.#sink.owned || this.#callbacks !== 0) return;
    openDescriptors.unregister(this);
    this.#closing = new Promise((resolve) => fs.close(this.#sink.fd, () => resolve()));
  }
}

/**
 * Whether other processes of a cluster, or the main thread, write to the same pipe. A single writer needs no pieces:
 * each of them wakes the reader, which costs more than the lines themselves.
 */
function hasOtherWriters(): boolean {
  return !isMainThread || cluster.isWorker || Object.keys(cluster.workers ?? {}).length > 0;
}

function sizeOf(fd: number): number {
  try {
    return Number(fileStats(fd)?.size ?? 0);
  } catch {
    return 0;
  }
}

function sleep(): void {
  Atomics.wait(sleeper, 0, 0, 2);
}
