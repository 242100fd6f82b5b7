import type { Server } from 'node:http';
import type { RequestContext } from './request-context.js';

/** Where an app stands in its life. */
export type LifecycleState = 'starting' | 'ready' | 'draining';

/** The one truth about an app's life: shutdown writes it, health reads it. One object per app, no module state. */
export interface Lifecycle {
  state: LifecycleState;
  /** Requests that have not been answered completely. */
  readonly inFlight: Set<RequestContext>;
  /** Servers the app was seen on. */
  readonly servers: Set<Server>;
}

export function createLifecycle(): Lifecycle {
  return { state: 'starting', inFlight: new Set(), servers: new Set() };
}

const closeAfterAnswer = (context: RequestContext): void => {
  if (!context.res.headersSent) context.res.setHeader('Connection', 'close');
};

/** Turns an app to draining: every answer whose headers are unsent ends its connection. */
export function startDraining(lifecycle: Lifecycle): void {
  lifecycle.state = 'draining';
  for (const context of lifecycle.inFlight) closeAfterAnswer(context);
}

/** Counts a request in until its response closes. */
export function trackRequest(lifecycle: Lifecycle, context: RequestContext): void {
  lifecycle.inFlight.add(context);
  context.res.once('close', () => lifecycle.inFlight.delete(context));
  if (lifecycle.state === 'draining') closeAfterAnswer(context);
}
