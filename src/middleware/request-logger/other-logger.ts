import type { IncomingMessage, ServerResponse } from 'node:http';

/** A request logger of the app, and what it has set on a request. */
export interface OtherLogger {
  readonly name: 'morgan' | 'pino-http';
  readonly evidence: string;
}

const morgan: OtherLogger = { name: 'morgan', evidence: 'req._startAt and req._remoteAddress are set' };
const pinoHttp: OtherLogger = { name: 'pino-http', evidence: 'res.log and its start time are set' };

/**
 * Returns the request logger of the app that logs this request, found by what it has set on the request and the
 * response. The name of its function is no evidence: an app may have a function `logger`, a minified bundle has no names,
 * and agents wrap functions.
 */
export function otherLoggerOf(req: IncomingMessage, res: ServerResponse): OtherLogger | undefined {
  const { _startAt, _startTime } = req as { _startAt?: unknown; _startTime?: unknown };
  if (Array.isArray(_startAt) && _startTime instanceof Date && Object.hasOwn(req, '_remoteAddress')) {
    return morgan;
  }
  const { log } = res as { log?: { child?: unknown } };
  if (log === undefined || typeof log?.child !== 'function') return undefined;
  return Object.getOwnPropertySymbols(res).some(({ description }) => description === 'startTime')
    ? pinoHttp
    : undefined;
}
