import type { RequestOptions } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import { TrafficCounts } from './traffic-counts.js';

/** The address on which the app listens. */
export interface Target {
  readonly host: string;
  readonly port: number;
}

/** The settings that all clients of a drill share. */
export interface DrillContext {
  readonly target: Target;
  /** The number of clients of each kind of traffic. */
  readonly clients: number;
  /** Aborts when no further request may be sent. Requests in flight finish. */
  readonly stop: AbortSignal;
  /** Aborts the requests that are still in flight. */
  readonly end: AbortSignal;
  /** Changes each request before it is sent. */
  prepare?(options: RequestOptions): RequestOptions;
}

/** One kind of traffic. */
export interface Traffic {
  readonly counts: TrafficCounts;
  /** Sends one request before the drill. Rejects when the app does not support it. */
  probe?(context: DrillContext): Promise<void>;
  /** Sends requests until `stop` aborts. Resolves when the last request has completed. */
  run(context: DrillContext): Promise<void>;
}

/** The duration of slow traffic in milliseconds. It is longer than a worker stays in the list of the cluster. */
export const slowMs = 600;

export async function eachClient({ clients }: DrillContext, loop: () => Promise<void>): Promise<void> {
  await Promise.all(Array.from({ length: clients }, loop));
}

/**
 * Sends one request after the other until `stop` aborts, with a pause between them. `once` resolves with the
 * milliseconds of the wait for the response, and rejects when the request was lost.
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
      counts.completed++;
    } catch (error) {
      counts.fail(error);
    }
    await pause(pauseMs, stop);
  }
}

/** Traffic of clients that each repeat a request. `send` has the result that {@link repeat} expects. */
export function repeatedRequests(
  kind: string,
  pauseMs: number,
  send: (context: DrillContext) => Promise<number>,
): Traffic {
  const counts = new TrafficCounts(kind);
  return {
    counts,
    run: (context) => eachClient(context, () => repeat(context, counts, pauseMs, () => send(context))),
  };
}

/** A connection that stays open. */
export interface OpenConnection {
  /** Resolves when the connection ended as its protocol requires, and rejects when it was interrupted. */
  readonly ended: Promise<void>;
  /** Ends the connection from the side of the client. */
  close(): void;
}

/** Milliseconds before a client reconnects. */
const reconnectMs = 100;

/** Traffic of clients that each hold one connection open. `failure` is the message when the first one fails to open. */
export function openConnections(
  kind: string,
  open: (context: DrillContext) => Promise<OpenConnection>,
  failure: string,
): Traffic {
  const counts = new TrafficCounts(kind);
  return {
    counts,
    async probe(context) {
      const { close, ended } = await open(context).catch((error) => {
        throw new Error(`${failure}: ${error.message}`);
      });
      close();
      await ended;
    },
    run: (context) => eachClient(context, () => keepOpen(context, counts, () => open(context))),
  };
}

/** Holds a connection open until `stop` aborts, and opens the next one when it has ended. */
async function keepOpen(
  { stop }: DrillContext,
  counts: TrafficCounts,
  open: () => Promise<OpenConnection>,
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
      counts.completed++;
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
