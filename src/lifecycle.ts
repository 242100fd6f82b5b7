import { once } from 'node:events';
import type { Server, ServerResponse } from 'node:http';

/** Where an app stands in its life. */
export type LifecycleState = 'starting' | 'ready' | 'draining';

/** The one truth about an app's life: shutdown writes it, health reads it. One object per app, no module state. */
export interface Lifecycle {
  state: LifecycleState;
  /** Responses that have not been answered completely. */
  readonly inFlight: Set<ServerResponse>;
  /** Servers the app was seen on. */
  readonly servers: Set<Server>;
}

const lifecycleKey = Symbol('lifecycle');

type Tracked = ServerResponse & { [lifecycleKey]?: Lifecycle };

/** A new life, at its start. */
export function createLifecycle(): Lifecycle {
  return { state: 'starting', inFlight: new Set(), servers: new Set() };
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

function closeAfterAnswer(res: ServerResponse): void {
  if (!res.headersSent) res.setHeader('Connection', 'close');
}

/** Turns an app to draining: every answer whose headers are unsent ends its connection. */
export function startDraining(lifecycle: Lifecycle): void {
  lifecycle.state = 'draining';
  for (const res of lifecycle.inFlight) closeAfterAnswer(res);
}

/** Resolves when no response is in flight. */
export async function whenIdle({ inFlight }: Lifecycle): Promise<void> {
  for (const res of inFlight) {
    if (!res.closed) await once(res, 'close');
  }
}
