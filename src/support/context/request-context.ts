import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Logger } from 'pino';
import type { TraceContext } from './trace-context.js';

/** What is known of one request, from its first byte to the end of its response. */
export interface RequestContext {
  /** The request id: the one a trusted hop sent, when it is well formed, else one of our own. */
  readonly id: string;
  /** A logger that carries the request id, and the trace ids where there are any; `undefined` without a logger. */
  readonly log: Logger | undefined;
  /** Aborts when the client goes away, or at the deadline, before the response is complete. */
  readonly signal: AbortSignal;
  /** The route pattern, such as `/users/:id`, once a route has matched. */
  readonly route: string | undefined;
  /** The W3C trace context of a valid `traceparent` header, else `undefined`. */
  readonly trace: TraceContext | undefined;
  readonly method: string;
  /** The URL as the client sent it, whatever routers did to `req.url` since. */
  readonly url: string;
  /** When the request arrived: milliseconds on the clock of `performance.now()`. */
  readonly startedAt: number;
  readonly req: IncomingMessage;
  readonly res: ServerResponse;
}
