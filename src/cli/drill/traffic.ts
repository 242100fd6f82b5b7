import { setTimeout as delay } from 'node:timers/promises';
import type { Tally } from './tally.js';

/** Where the app listens. */
export interface Target {
  readonly host: string;
  readonly port: number;
}

/** What the clients of a drill share. */
export interface Scene {
  readonly target: Target;
  /** How many clients each kind of traffic has. */
  readonly clients: number;
  /** Aborts when no more is to be sent; what is in flight finishes. */
  readonly stop: AbortSignal;
  /** Aborts when what is still in flight is given up. */
  readonly end: AbortSignal;
}

/** One kind of traffic; its file in this folder has its name. */
export interface Traffic {
  readonly tally: Tally;
  /** Tries one before the drill. Rejects when the app has no such answer at all. */
  probe?(scene: Scene): Promise<void>;
  /** Resolves when it was stopped and the last one came back. */
  run(scene: Scene): Promise<void>;
}

/** Milliseconds that what is slow takes: longer than a worker needs to leave the cluster's list. */
export const slowMs = 600;

/** Runs one loop per client. */
export async function eachClient({ clients }: Scene, loop: () => Promise<void>): Promise<void> {
  await Promise.all(Array.from({ length: clients }, loop));
}

/**
 * Sends one request after the other until the scene stops, with a pause in between. `once` resolves with the
 * milliseconds it waited for the answer, and rejects when it was lost.
 */
export async function repeat(
  { stop }: Scene,
  tally: Tally,
  pauseMs: number,
  once: () => Promise<number>,
): Promise<void> {
  while (!stop.aborted) {
    tally.sent++;
    try {
      tally.waited(await once());
      tally.answered++;
    } catch (error) {
      tally.fail(error);
    }
    await pause(pauseMs, stop);
  }
}

/** A connection that stays. */
export interface Opened {
  /** Resolves when it ended as it should, and rejects when it was cut. */
  readonly ended: Promise<void>;
  /** Ends it from this side. */
  close(): void;
}

/** Milliseconds before a client comes back. */
const comeBackMs = 100;

/** Keeps a connection open until the scene stops, and opens the next one when it has ended. */
export async function keepOpen({ stop }: Scene, tally: Tally, open: () => Promise<Opened>): Promise<void> {
  for (let opened = 0; !stop.aborted; await pause(comeBackMs, stop)) {
    tally.sent++;
    const from = performance.now();
    let close: (() => void) | undefined;
    try {
      const connection = await open();
      tally.waited(performance.now() - from);
      if (opened++ > 0) tally.reconnected++;
      close = () => connection.close();
      if (stop.aborted) close();
      else stop.addEventListener('abort', close, { once: true });
      await connection.ended;
      tally.answered++;
    } catch (error) {
      tally.fail(error);
    } finally {
      if (close) stop.removeEventListener('abort', close);
    }
  }
}

export async function pause(ms: number, signal: AbortSignal): Promise<void> {
  await delay(ms, undefined, { signal }).catch(() => {});
}
