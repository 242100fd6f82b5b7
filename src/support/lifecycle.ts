import type { Server, ServerResponse } from 'node:http';
import { closeAfterResponse } from './closing-responses.js';
import { closeWithConnection } from './pipelined-responses.js';

/** The state of an app. */
export type LifecycleState = 'starting' | 'ready' | 'draining';

/** Why a request was refused: the accept queue, event loop delay, event loop utilization, or its priority. */
export type SheddingReason = 'queue' | 'delay' | 'utilization' | 'priority';

/** The state and the counts of load shedding. */
export interface SheddingState {
  /** When it began to refuse requests, on the clock of `performance.now()`; `undefined` while every request is admitted. */
  since: number | undefined;
  /** Requests refused since the start, by reason. */
  readonly refused: Record<SheddingReason, number>;
}

/** Requests that took too long, and the work that was wasted on them. */
export interface DeadlineCounts {
  /** Requests that got 503 at their deadline. */
  expired: number;
  /** Responses that the handler finished after that. */
  late: number;
  /** Responses that were finished after the client had disconnected. */
  gone: number;
  /** Milliseconds of work of these handlers, in all. */
  wastedMs: number;
}

/** The state of one app, written by the shutdown and read by health checks. */
export interface Lifecycle {
  state: LifecycleState;
  /** Responses that are not complete. */
  readonly inFlight: Set<ServerResponse>;
  /** Servers the app was seen on. */
  readonly servers: Set<Server>;
  /** Functions that must resolve with true before the app is announced as ready, beside `state`. */
  readonly gates: Set<() => Promise<boolean>>;
  /** Written by load shedding, read by health checks and metrics. */
  readonly shedding: SheddingState;
  /** Written by the deadline part, read by metrics. */
  readonly deadlines: DeadlineCounts;
}

const lifecycleKey = Symbol('lifecycle');

type Tracked = ServerResponse & { [lifecycleKey]?: Lifecycle };

/** Creates the lifecycle of an app that is starting. */
export function createLifecycle(): Lifecycle {
  return {
    state: 'starting',
    inFlight: new Set(),
    servers: new Set(),
    gates: new Set(),
    shedding: { since: undefined, refused: { queue: 0, delay: 0, utilization: 0, priority: 0 } },
    deadlines: { expired: 0, late: 0, gone: 0, wastedMs: 0 },
  };
}

/** Counts a response as in flight until it closes, or until `onClose`, one listener for all responses, removes it. */
export function trackResponse(
  lifecycle: Lifecycle,
  res: ServerResponse,
  onClose: (this: ServerResponse) => void = untrack,
): void {
  lifecycle.inFlight.add(res);
  if (onClose === untrack) (res as Tracked)[lifecycleKey] = lifecycle;
  res.on('close', onClose);
  // a response without a socket waits behind another one
  if (res.socket === null) closeWithConnection(res);
  if (lifecycle.state === 'draining') closeAfterResponse(res);
}

function untrack(this: ServerResponse): void {
  (this as Tracked)[lifecycleKey]?.inFlight.delete(this);
}

/** Sets an app to draining: every response whose headers are unsent closes its connection. */
export function startDraining(lifecycle: Lifecycle): void {
  if (lifecycle.state === 'draining') return;
  lifecycle.state = 'draining';
  for (const res of lifecycle.inFlight) closeAfterResponse(res);
}
