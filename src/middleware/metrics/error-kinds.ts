import type { IncomingMessage, ServerResponse } from 'node:http';
import { isDisconnect } from '../../logging/request-line.js';
import { contextOf } from '../../support/context/context.js';
import { streamOf } from '../../support/response-state.js';
import { read } from '../../support/serialize-error.js';

/**
 * Why requests fail: a handler threw or passed an error, it responded with 5xx itself, its deadline passed, its response
 * ended early, or load shedding refused the request.
 */
export const errorKinds = ['handler', 'status', 'deadline', 'response', 'overload'] as const;

export type ErrorKind = (typeof errorKinds)[number];

/** The kind of a failed request; `undefined` where its client disconnected. */
export function errorKindOf(
  req: IncomingMessage,
  res: ServerResponse,
  completed: boolean,
): ErrorKind | undefined {
  const context = contextOf(req);
  if (!completed) {
    const error = context?.failed ? context.error : (streamOf(res) ?? res).errored;
    return error === undefined || error === null || isDisconnect(error) ? undefined : 'response';
  }
  if (context?.failed !== true) return 'status';
  return read(context.error, 'name') === 'TimeoutError' && res.statusCode === 503 ? 'deadline' : 'handler';
}
