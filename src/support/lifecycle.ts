import type { Server, ServerResponse } from 'node:http';
import { closeAfterResponse } from './closing-responses.js';
import { closeWithConnection } from './pipelined-responses.js';

/** Where an app stands in its life. */
export type LifecycleState = 'starting' | 'ready' | 'draining';

/** Why a request was refused: what waited in the kernel, on the event loop, a loop without rest, or its priority. */
export type SheddingReason = 'queue' | 'delay' | 'utilization' | 'priority';

/** What load shedding does at the moment, and has done. */
export interface SheddingState {
  /** When it began to refuse requests, on the clock of `performance.now()`; `undefined` while it admits all. */
  since: number | undefined;
  /** Requests refused since the start, by reason. */
  readonly refused: Record<SheddingReason, number>;
}

/** Requests that took too long, and work that was done for nobody. */
export interface DeadlineCounts {
  /** Requests that were answered 503 at their deadline. */
  expired: number;
  /** Answers that their handler finished after that. */
  late: number;
  /** Answers that were finished after the client had left. */
  gone: number;
  /** Milliseconds that these handlers went on, in all. */
  wastedMs: number;
}

/** The one truth about an app's life: shutdown writes it, health reads it. One object per app, no module state. */
export interface Lifecycle {
  state: LifecycleState;
  /** Responses that have not been answered completely. */
  readonly inFlight: Set<ServerResponse>;
  /** Servers the app was seen on. */
  readonly servers: Set<Server>;
  /** What has to say yes before the app is announced as ready, beside `state`. */
  readonly gates: Set<() => Promise<boolean>>;
  /** Written by load shedding, read by health checks and metrics. */
  readonly shedding: SheddingState;
  /** Written by the deadline part, read by metrics. */
  readonly deadlines: DeadlineCounts;
}

const lifecycleKey = Symbol('lifecycle');

type Tracked = ServerResponse & { [lifecycleKey]?: Lifecycle };

/** A new life, at its start. */
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

/** Counts a response in until it closes, or until `onClose`, one listener for all responses, takes it out. */
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

/** Turns an app to draining: every response whose headers are unsent ends its connection. */
export function startDraining(lifecycle: Lifecycle): void {
  if (lifecycle.state === 'draining') return;
  lifecycle.state = 'draining';
  for (const res of lifecycle.inFlight) closeAfterResponse(res);
}
