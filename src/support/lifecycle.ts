import type { Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { closeAfterResponse } from './closing-responses.js';
import { counts } from './metrics/counts.js';
import { onceClosed } from './pipelined-responses.js';

type LifecycleState = 'starting' | 'ready' | 'draining';

/** Why a request was refused: the accept queue, event loop delay, event loop utilization, or its priority. */
export type SheddingReason = 'queue' | 'delay' | 'utilization' | 'priority';

/** The state and the counts of load shedding. */
export interface SheddingState {
  /** When shedding began, on the clock of `performance.now()`; `undefined` while every request is admitted. */
  since: number | undefined;
  /** Requests refused since the start, by reason. */
  readonly refused: Record<SheddingReason, number>;
}

/** The counts of requests that passed their deadline, and of the work that was wasted on them. */
export interface DeadlineCounts {
  /** Requests that got 503 at their deadline. */
  expired: number;
  /** Responses that the handler finished after the deadline. */
  late: number;
  /** Responses that were finished after the client had disconnected. */
  gone: number;
  /** The total time, in milliseconds, from the deadline or disconnect to the end of these responses. */
  wastedMs: number;
}

/** The state of one app. The shutdown sets it, and health checks read it. */
export interface Lifecycle {
  state: LifecycleState;
  /** The number of requests after which a connection is closed; 0 for no limit. The shutdown part sets it. */
  maxRequestsPerConnection: number;
  /** Responses that are not complete. */
  readonly inFlight: Set<ServerResponse>;
  /** Servers on which the app was seen. */
  readonly servers: Set<Server>;
  /** Functions that must resolve with true before the app is announced as ready, in addition to `state`. */
  readonly gates: Set<() => Promise<boolean>>;
  /** Load shedding sets it; health checks and metrics read it. */
  readonly shedding: SheddingState;
  /** The deadline part sets it; metrics read it. */
  readonly deadlines: DeadlineCounts;
}

const lifecycleKey = Symbol('lifecycle');
const requestsKey = Symbol('requests');

type CountedSocket = Socket & { [requestsKey]?: number; server?: Server };

type Tracked = ServerResponse & { [lifecycleKey]?: Lifecycle };

/** Creates the lifecycle of an app that is starting. */
export function createLifecycle(): Lifecycle {
  return {
    state: 'starting',
    maxRequestsPerConnection: 0,
    inFlight: new Set(),
    servers: new Set(),
    gates: new Set(),
    shedding: { since: undefined, refused: { queue: 0, delay: 0, utilization: 0, priority: 0 } },
    deadlines: { expired: 0, late: 0, gone: 0, wastedMs: 0 },
  };
}

/**
 * Counts a response as in flight until it closes. `onClose` is the listener that removes it then; all responses share
 * one function.
 */
export function trackResponse(
  lifecycle: Lifecycle,
  res: ServerResponse,
  onClose: (this: ServerResponse) => void = untrack,
): void {
  lifecycle.inFlight.add(res);
  if (onClose === untrack) (res as Tracked)[lifecycleKey] = lifecycle;
  onceClosed(res, onClose);
  if (lifecycle.state === 'draining' || isLastRequest(lifecycle, res)) closeAfterResponse(res);
}

/**
 * Counts the request on its connection. Returns whether it is the last one that is expected there. A limit that the app
 * set on its server applies instead. Node refuses pipelined requests beyond that limit with 503; here they are served.
 */
function isLastRequest({ maxRequestsPerConnection: max }: Lifecycle, { req }: ServerResponse): boolean {
  const socket = req.socket as CountedSocket | undefined;
  if (max === 0 || !socket) return false;
  const count = (socket[requestsKey] ?? 0) + 1;
  socket[requestsKey] = count;
  return count >= max && !socket.server?.maxRequestsPerSocket;
}

function untrack(this: ServerResponse): void {
  (this as Tracked)[lifecycleKey]?.inFlight.delete(this);
}

/** Sets the state of an app to draining. Every response whose headers are not sent yet closes its connection. */
export function startDraining(lifecycle: Lifecycle): void {
  if (lifecycle.state === 'draining') return;
  lifecycle.state = 'draining';
  counts.drains += 1;
  for (const res of lifecycle.inFlight) closeAfterResponse(res);
}
