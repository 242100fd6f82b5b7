import cluster from 'node:cluster';
import type { Server } from 'node:net';
import { performance } from 'node:perf_hooks';
import { AcceptQueue } from '../../support/accept-queue.js';
import { debugFor } from '../../support/debug.js';
import { unobserved } from '../../support/unobserved.js';
import type { LoadReading } from './overload-watch.js';
import { UnreadConnections, workersOfPrimary } from './unread-connections.js';

const debug = debugFor('load-shedding');

const calmIntervalMs = 100;
const busyIntervalMs = 20;
/** The event loop counts as busy from this utilization on. Below it, no request waits. */
const busy = 0.7;

interface WaitingConnections {
  /** The share of the time that reading the queue may take. */
  readonly readShare: number;
  length(): number | undefined;
}

/**
 * Reads event loop delay, event loop utilization and the accept queues of servers. Its timer does not keep the process
 * alive.
 */
export class LoadSensor {
  readonly #onReading: (reading: LoadReading) => void;
  readonly #queues = new Map<Server, WaitingConnections | undefined>();
  #timer: NodeJS.Timeout | undefined;
  #dueAt = 0;
  #elu = performance.eventLoopUtilization();
  #queued: number | undefined = 0;
  #readQueuesAt = 0;
  readonly #detach: (() => void)[] = [];

  constructor(onReading: (reading: LoadReading) => void) {
    this.#onReading = onReading;
  }

  /** Milliseconds by which the next reading is late, which is the time for which the event loop has been blocked. */
  overdueMs(now: number): number {
    return now - this.#dueAt;
  }

  /** Reads the load of one more server, until it closes. */
  watch(server: Server): void {
    if (this.#queues.has(server)) return;
    this.#queues.set(server, undefined);
    const findQueue = (): void => {
      const queue = AcceptQueue.of(server);
      if (typeof queue !== 'string') {
        this.#queues.set(server, cluster.isWorker ? shareOf(queue) : queue);
        return;
      }
      const unread = UnreadConnections.of(server);
      if (unread?.length() === undefined) {
        debug(() => ['no accept queue: %s; shedding is based on delay and utilization alone', queue]);
        return;
      }
      this.#queues.set(server, unread);
      debug(() => ['%s: unread connections are counted instead', queue]);
    };
    const forget = (): void => {
      this.#queues.delete(server);
      if (this.#queues.size === 0) this.stop();
    };
    if (server.listening) findQueue();
    else server.once('listening', findQueue);
    server.once('close', forget);
    this.#detach.push(() => server.off('listening', findQueue).off('close', forget));
    if (this.#timer === undefined) this.#start();
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    for (const detach of this.#detach) detach();
    this.#detach.length = 0;
    this.#queues.clear();
  }

  #start(): void {
    this.#elu = performance.eventLoopUtilization();
    this.#arm(calmIntervalMs);
  }

  #arm(delayMs: number): void {
    this.#dueAt = performance.now() + delayMs;
    this.#timer = setTimeout(this.#read, delayMs).unref();
  }

  readonly #read = (): void => {
    const now = performance.now();
    const elu = performance.eventLoopUtilization();
    const activeMs = elu.active - this.#elu.active;
    const idleMs = elu.idle - this.#elu.idle;
    this.#elu = elu;
    const isBusy = activeMs > busy * (activeMs + idleMs);
    const delayMs = Math.max(0, now - this.#dueAt);
    const fresh = !isBusy || now >= this.#readQueuesAt;
    if (fresh) this.#queued = isBusy ? this.#readQueues() : 0;
    this.#onReading({ now, delayMs, activeMs, idleMs, queued: this.#queued, fresh });
    if (this.#timer === undefined) return;
    this.#arm(isBusy ? busyIntervalMs : calmIntervalMs);
  };

  #readQueues(): number | undefined {
    let sum: number | undefined;
    let pauseMs = 0;
    for (const queue of this.#queues.values()) {
      if (queue === undefined) continue;
      const startedAt = performance.now();
      const length = queue.length();
      pauseMs += (performance.now() - startedAt) / queue.readShare;
      if (length !== undefined) sum = (sum ?? 0) + length;
    }
    this.#readQueuesAt = performance.now() + pauseMs;
    return sum;
  }
}

/**
 * Returns a worker's share of an accept queue. Workers that accept connections themselves share one queue, and each
 * refuses its share of the excess.
 */
function shareOf(queue: AcceptQueue): WaitingConnections {
  let workers = 0;
  return {
    readShare: queue.readShare,
    length() {
      workers ||= unobserved(workersOfPrimary);
      const length = queue.length();
      return length === undefined ? undefined : Math.round(length / workers);
    },
  };
}
