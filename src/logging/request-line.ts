import type { ServerResponse } from 'node:http';
import type { InternalRequestContext } from '../support/context/context.js';
import { currentSpan } from '../support/context/current-span.js';
import { isSent, missingBytes, streamOf } from '../support/response-state.js';
import { type LoggedError, read, serializeError, statusOf } from '../support/serialize-error.js';
import { withoutQuery } from '../support/url-path.js';
import { redacted, redactUrl } from './log-redaction.js';

/** The fields of the log line of a request. */
export interface RequestLine {
  readonly reqId: string;
  readonly trace_id: string | undefined;
  readonly span_id: string | undefined;
  readonly method: string;
  /** The URL as the client sent it, with its secrets redacted. */
  readonly url: string;
  /** The path pattern of the route that matched. */
  readonly route: string | undefined;
  readonly status: number | null;
  readonly outcome: 'completed' | 'aborted';
  readonly durationMs: number;
  /** The length of the body, if the response has a `Content-Length`. */
  readonly bytes: number | undefined;
  readonly headers: Record<string, string> | undefined;
  readonly err: LoggedError | undefined;
}

/** The settings that all lines of one request logger share. */
export interface LineSettings {
  readonly abortedStatus: 499 | null;
  /** Names of request headers, in lower case. */
  readonly headers: readonly string[];
  readonly isSecret: (name: string) => boolean;
}

/** How a request ended. */
export interface Outcome {
  readonly completed: boolean;
  readonly failed: boolean;
  readonly error: unknown;
  readonly level: 'error' | 'warn' | 'info';
}

const maxHeader = 512;
const startsAsUrl = /^(?:[a-z][a-z0-9+.-]*:\/)?\//i;

/** Codes of the errors with which a request ends after its client has disconnected. */
const clientLeft = new Set([
  'ABORT_ERR',
  'ECONNABORTED',
  'ECONNRESET',
  'EPIPE',
  'ERR_HTTP2_SESSION_ERROR',
  'ERR_HTTP2_STREAM_ERROR',
  'ERR_STREAM_PREMATURE_CLOSE',
  // Node ends the stream of an HTTP/2 response that was reset
  'ERR_STREAM_WRITE_AFTER_END',
]);

/**
 * Returns how a request ended, from its closed response. Handlers written for pino-http set their error as `res.err`.
 */
export function outcomeOf(context: InternalRequestContext): Outcome {
  const { res } = context;
  const isWritten = isCompleted(context);
  const missing = isWritten ? missingBytes(res) : 0;
  const completed = isWritten && missing === 0;
  const own = missing > 0 ? shortResponse(missing) : errorOf(res, completed);
  const error = context.failed ? context.error : own;
  const failed = (context.failed || error !== undefined) && !isResult(error, completed, res.statusCode);
  return {
    completed,
    failed,
    error,
    level: completed ? levelOf(res.statusCode, failed, error) : levelOfCut(failed, error),
  };
}

/**
 * The error of a response whose handler reported none. `res.destroy(error)` and `stream.pipeline` set `errored`.
 */
function errorOf(res: ServerResponse, completed: boolean): unknown {
  const { err } = res as { err?: unknown };
  if (err !== undefined || completed) return err;
  const { errored } = streamOf(res) ?? res;
  return errored === null || isDisconnect(errored) ? undefined : errored;
}

/** The error of a handler that ended its response early; `strictContentLength` of Node throws one with the same code. */
function shortResponse(missing: number): Error {
  const error = Object.assign(new Error(`The response ended ${missing} bytes before its Content-Length`), {
    code: 'ERR_HTTP_CONTENT_LENGTH_MISMATCH',
  });
  delete error.stack;
  return error;
}

function isCompleted({ req, res }: InternalRequestContext): boolean {
  // the response to an aborted upload emits `finish` on a connection that is already closed
  return isSent(res) && (req.complete || !req.destroyed);
}

/**
 * Whether a value passed to `next` is a result. Some apps pass objects without any property of an error, and respond
 * with success.
 */
function isResult(error: unknown, completed: boolean, status: number): boolean {
  if (!completed || status >= 400 || typeof error !== 'object' || error === null) return false;
  return ['message', 'stack', 'status', 'statusCode'].every((mark) => read(error, mark) === undefined);
}

function levelOf(status: number, failed: boolean, error: unknown): Outcome['level'] {
  if (status >= 400) return status >= 500 ? 'error' : 'warn';
  return failed ? levelOfError(error) : 'info';
}

function levelOfError(error: unknown): 'warn' | 'error' {
  return (statusOf(error) ?? 500) < 500 ? 'warn' : 'error';
}

/**
 * The level of an error that is logged on a separate line. It is `undefined` for a result and for an abort by the
 * client.
 */
export function levelOfFurtherError(
  context: InternalRequestContext,
  error: unknown,
): 'warn' | 'error' | undefined {
  const completed = isCompleted(context);
  if (isResult(error, completed, context.res.statusCode)) return undefined;
  const level = completed ? levelOfError(error) : levelOfCut(true, error);
  return level === 'info' ? undefined : level;
}

/**
 * The level of an aborted response: `info` when the client disconnected, `error` when the server ended its own response
 * early.
 */
function levelOfCut(failed: boolean, error: unknown): Outcome['level'] {
  if (!failed || (statusOf(error) ?? 500) < 500) return 'info';
  return isDisconnect(error) ? 'info' : 'error';
}

/** Whether an error only states that the client has disconnected. */
export function isDisconnect(error: unknown): boolean {
  return read(error, 'name') === 'AbortError' || clientLeft.has(read(error, 'code') as string);
}

/** Builds the line of a request that ended. */
export function requestLine(
  context: InternalRequestContext,
  outcome: Outcome,
  settings: LineSettings,
): RequestLine {
  const { res, method } = context;
  const ids = currentSpan() ?? context.trace;
  const { completed, failed, error } = outcome;
  const length = completed && method !== 'HEAD' ? res.getHeader('content-length') : undefined;
  return {
    reqId: context.id,
    trace_id: ids?.traceId,
    span_id: ids?.spanId,
    method,
    url: redactUrl(context.url, settings.isSecret),
    route: context.route,
    status: completed ? res.statusCode : settings.abortedStatus,
    outcome: completed ? 'completed' : 'aborted',
    durationMs: Math.round((performance.now() - context.startedAt) * 10) / 10,
    bytes: length === undefined ? undefined : Number(length),
    headers: settings.headers.length > 0 ? headersOf(context, settings) : undefined,
    err: failed ? serializeError(error) : undefined,
  };
}

function headersOf(
  { req }: InternalRequestContext,
  { headers, isSecret }: LineSettings,
): Record<string, string> {
  const found: Record<string, string> = {};
  for (const name of headers) {
    const value = req.headers[name];
    if (value !== undefined) found[name] = isSecret(name) ? redacted : headerText(String(value), isSecret);
  }
  return found;
}

/** Redacts a header that contains a URL, such as `Referer`, in the same way as the URL of the request. */
function headerText(value: string, isSecret: LineSettings['isSecret']): string {
  return (startsAsUrl.test(value) ? redactUrl(value, isSecret) : value).slice(0, maxHeader);
}

/** The message of a line, for readers and text searches: `GET /users/:id 200`. */
export function messageOf({ method, route, url, status, outcome }: RequestLine): string {
  return `${method} ${route ?? withoutQuery(url)} ${outcome === 'completed' ? status : 'aborted'}`;
}
