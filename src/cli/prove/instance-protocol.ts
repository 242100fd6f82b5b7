/** The variable that states where an instance listens. Its children inherit it, so that workers of the app do so, too. */
export const instanceVariable = 'EXPRESS_PRODUCTIONIZE_INSTANCE';

/** The header with the id of a request of the proof. */
export const idHeader = 'x-request-of-proof';

export interface InstanceSettings {
  /** The process id of the command. */
  readonly parent: number;
  /** The port that the app requests. */
  readonly requested: number;
  /** Whether it requests any free port, so that no server requests that one. */
  readonly requestsAny: boolean;
  /** The port of 127.0.0.1 on which it listens instead. */
  readonly port: number;
}

/** What an instance reports. */
export type InstanceEvent =
  | { readonly kind: 'listening' }
  /** A request has arrived. `connection` is the same for all requests of one connection. */
  | { readonly kind: 'request'; readonly id: string; readonly connection: string }
  /** Its response is sent. `address` is `req.ip`; `null` where the app has none. */
  | { readonly kind: 'response'; readonly id: string; readonly address: string | null };

const messageType = 'express-productionize:instance';

export function instanceMessage(event: InstanceEvent): object {
  return { type: messageType, event };
}

export function instanceEvent(message: unknown): InstanceEvent | undefined {
  const { type, event } = Object(message) as { type?: unknown; event?: InstanceEvent };
  return type === messageType ? event : undefined;
}
