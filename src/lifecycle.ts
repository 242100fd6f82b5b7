import type { Server, ServerResponse } from 'node:http';
import { closeAfterAnswer } from './shutdown/closing-answers.js';

/** Where an app stands in its life. */
export type LifecycleState = 'starting' | 'ready' | 'draining';

/** The one truth about an app's life: shutdown writes it, health reads it. One object per app, no module state. */
export interface Lifecycle {
  state: LifecycleState;
  /** Responses that have not been answered completely. */
  readonly inFlight: Set<ServerResponse>;
  /** Servers the app was seen on. */
  readonly servers: Set<Server>;
  /** What has to say yes before the app is announced as ready, beside `state`. */
  readonly gates: Set<() => Promise<boolean>>;
  /** Since when requests are shed, on the clock of `performance.now()`; `undefined` while none is. */
  sheddingSince: number | undefined;
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
    sheddingSince: undefined,
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
  if (lifecycle.state === 'draining') closeAfterAnswer(res);
}

function untrack(this: ServerResponse): void {
  (this as Tracked)[lifecycleKey]?.inFlight.delete(this);
}

/** Turns an app to draining: every answer whose headers are unsent ends its connection. */
export function startDraining(lifecycle: Lifecycle): void {
  if (lifecycle.state === 'draining') return;
  lifecycle.state = 'draining';
  for (const res of lifecycle.inFlight) closeAfterAnswer(res);
}
