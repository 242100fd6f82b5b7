import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Logger } from 'pino';
import type { TraceContext } from './trace-context.js';

/** The data of one request, from its first byte to the end of its response. */
export interface RequestContext<Log = Logger> {
  /** The request id: the one that a trusted hop sent, if it is valid, else a generated one. */
  readonly id: string;
  /** A logger that carries the request id, and the trace ids if there are any; `undefined` without a logger. */
  readonly log: Log | undefined;
  /** Aborts when the client disconnects, or at the deadline, before the response is complete. */
  readonly signal: AbortSignal;
  /** The route pattern, such as `/users/:id`, once a route has matched. */
  readonly route: string | undefined;
  /** The W3C trace context of a valid `traceparent` header, else `undefined`. */
  readonly trace: TraceContext | undefined;
  readonly method: string;
  /** The URL as the client sent it, even if routers have changed `req.url` since. */
  readonly url: string;
  /** The time when the request arrived, in milliseconds on the clock of `performance.now()`. */
  readonly startedAt: number;
  readonly req: IncomingMessage;
  readonly res: ServerResponse;
}
