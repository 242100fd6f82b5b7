import { setTimeout as delay } from 'node:timers/promises';
import type { TrafficCounts } from './traffic-counts.js';

/** Where the app listens. */
export interface Target {
  readonly host: string;
  readonly port: number;
}

/** The settings that all clients of a drill share. */
export interface DrillContext {
  readonly target: Target;
  /** How many clients each kind of traffic has. */
  readonly clients: number;
  /** Aborts when no further request is sent; requests in flight finish. */
  readonly stop: AbortSignal;
  /** Aborts the requests that are still in flight. */
  readonly end: AbortSignal;
}

/** One kind of traffic. Its file has its name. */
export interface Traffic {
  readonly counts: TrafficCounts;
  /** Sends one request before the drill. Rejects when the app does not support it. */
  probe?(context: DrillContext): Promise<void>;
  /** Resolves when it was stopped and the last request has completed. */
  run(context: DrillContext): Promise<void>;
}

/** The duration of slow traffic in milliseconds: longer than a worker stays in the cluster's list. */
export const slowMs = 600;

/** Runs one loop per client. */
export async function eachClient({ clients }: DrillContext, loop: () => Promise<void>): Promise<void> {
  await Promise.all(Array.from({ length: clients }, loop));
}

/**
 * Sends one request after the other until `stop` aborts, with a pause in between. `once` resolves with the
 * milliseconds of its wait for the response, and rejects when it was lost.
 */
export async function repeat(
  { stop }: DrillContext,
  counts: TrafficCounts,
  pauseMs: number,
  once: () => Promise<number>,
): Promise<void> {
  while (!stop.aborted) {
    counts.sent++;
    try {
      counts.waited(await once());
      counts.answered++;
    } catch (error) {
      counts.fail(error);
    }
    await pause(pauseMs, stop);
  }
}

/** A connection that stays open. */
export interface Opened {
  /** Resolves when it ended regularly, and rejects when it was interrupted. */
  readonly ended: Promise<void>;
  /** Ends it from this side. */
  close(): void;
}

/** Milliseconds before a client reconnects. */
const reconnectMs = 100;

/** Keeps a connection open until `stop` aborts, and opens the next one when it has ended. */
export async function keepOpen(
  { stop }: DrillContext,
  counts: TrafficCounts,
  open: () => Promise<Opened>,
): Promise<void> {
  for (let opened = 0; !stop.aborted; await pause(reconnectMs, stop)) {
    counts.sent++;
    const from = performance.now();
    let close: (() => void) | undefined;
    try {
      const connection = await open();
      counts.waited(performance.now() - from);
      if (opened++ > 0) counts.reconnected++;
      close = () => connection.close();
      if (stop.aborted) close();
      else stop.addEventListener('abort', close, { once: true });
      await connection.ended;
      counts.answered++;
    } catch (error) {
      counts.fail(error);
    } finally {
      if (close) stop.removeEventListener('abort', close);
    }
  }
}

export async function pause(ms: number, signal: AbortSignal): Promise<void> {
  await delay(ms, undefined, { signal }).catch(() => {});
}
