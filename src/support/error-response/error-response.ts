import type { IncomingMessage, ServerResponse } from 'node:http';
import { finished } from 'node:stream';
import type { Request } from 'express';
import { attempt } from '../attempt.js';
import { memoizeHeader } from '../bounded-map.js';
import { contextOf } from '../context/context.js';
import { debugFor } from '../debug.js';
import { addVary } from '../encoding/encoding-headers.js';
import { processWide } from '../process-wide.js';
import { resetResponse } from '../response-reset.js';
import { read } from '../serialize-error.js';
import { errorResponsesKey } from '../symbols.js';
import { encodedPath, pathOf } from '../url-path.js';
import { type ErrorBody, type ErrorSummary, renderError } from './error-body.js';
import { detailOf, type ErrorHeader, headersOf, plainText, statusOf, titleOf } from './error-details.js';
import { errorText } from './error-report.js';

const debug = debugFor('error-handler');

/**
 * Responses for which an error response has begun. Under compression, `writableEnded` becomes true only long after
 * `end()`.
 */
const begun = processWide(errorResponsesKey, () => new WeakSet<ServerResponse>());

/** Headers of the failed representation, which include digests of its body (RFC 9530). */
const representationHeaders = [
  'content-encoding',
  'content-language',
  'content-length',
  'content-location',
  'content-range',
  'content-disposition',
  'content-digest',
  'content-md5',
  'content-type',
  'digest',
  'etag',
  'last-modified',
  'repr-digest',
  'trailer',
  'transfer-encoding',
];

/** Headers that make caches store an error, whatever its Cache-Control is; those of CDNs are in RFC 9213 section 3. */
const cacheHeaders = /^(edge-control|surrogate-control|x-accel-expires|.+-cache-control)$/;

/** Responds to a failed request exactly once, and resets the connection if the response has already begun. */
export function respondToError(
  error: unknown,
  req: IncomingMessage,
  res: ServerResponse,
  exposeStack = false,
): void {
  if (begun.has(res) || res.writableEnded) {
    debug(() => ['%s %s has a response already', req.method, req.url]);
  } else if (res.headersSent) {
    debug(() => ['%s %s failed midway: connection reset', req.method, req.url]);
    resetResponse(res);
  } else {
    const status = statusOf(error, res);
    const title = titleOf(status);
    const stack = exposeStack ? shownStack(error) : undefined;
    const detail = detailOf(error, status);
    const requestId = contextOf(req)?.id;
    respond(req, res, { status, title, text: title, detail, requestId, stack }, error);
  }
}

/** Returns the text that Express's final handler sends outside production, with the causes of the error. */
function shownStack(error: unknown): string {
  return typeof read(error, 'stack') === 'string' ? errorText(error) : plainText(asText(error));
}

function asText(value: unknown): string {
  return attempt(() => String(value), 'a value without a text');
}

/** Responds with 404 to a request that no handler responded to. */
export function respondNotFound(req: IncomingMessage, res: ServerResponse): void {
  if (begun.has(res) || res.headersSent) return;
  // the headers of a HEAD response are those of GET, the length included
  const method = req.method === 'HEAD' ? 'GET' : req.method;
  const text = `Cannot ${method} ${resourceOf(req)}`;
  const requestId = contextOf(req)?.id;
  respond(req, res, { status: 404, title: titleOf(404), text, detail: text, requestId, stack: undefined });
}

const unavailable: ErrorSummary = {
  status: 503,
  title: titleOf(503),
  text: titleOf(503),
  detail: detailOf(undefined, 503),
  requestId: undefined,
  stack: undefined,
};

/** The rendered 503. It is cached for each value of `Accept`, because refusals have to be cheap under overload. */
const unavailableBody = memoizeHeader((accept) => renderError(accept, unavailable));

/**
 * Responds with 503 in the form the client prefers, without waiting for the rest of the request body. `Retry-After` is
 * random, so that clients refused at the same time do not retry at the same time: it is `retryAfterSeconds` at least and
 * three times that at most.
 */
export function respondUnavailable(
  req: IncomingMessage,
  res: ServerResponse,
  retryAfterSeconds: number,
): void {
  const retryAfter = retryAfterSeconds + Math.floor(Math.random() * (2 * retryAfterSeconds + 1));
  const accept = req.headers.accept ?? '';
  const requestId = contextOf(req)?.id;
  const body =
    requestId === undefined ? unavailableBody(accept) : renderError(accept, { ...unavailable, requestId });
  begun.add(res);
  write(req, res, 503, body, [['Retry-After', String(retryAfter)]]);
}

function respond(req: IncomingMessage, res: ServerResponse, summary: ErrorSummary, error?: unknown): void {
  begun.add(res);
  afterRequest(req, () => {
    if (!res.headersSent) {
      write(req, res, summary.status, renderError(req.headers.accept, summary), headersOf(error));
    }
  });
}

/**
 * Waits for the rest of the request body and discards it: a client that is still sending may not see an earlier
 * response. The wait ends with the body or the connection, and Node's `requestTimeout` bounds both.
 */
function afterRequest(req: IncomingMessage, then: () => void): void {
  // with a 'readable' listener, resume() does nothing and 'end' would never be emitted
  if (req.readableEnded || req.destroyed || req.listenerCount('readable') > 0) {
    then();
    return;
  }
  req.unpipe();
  finished(req, then);
  req.resume();
}

/** Sends an error response. If it cannot be written, because a header is invalid, the connection is reset. */
function write(
  req: IncomingMessage,
  res: ServerResponse,
  status: number,
  { type, body }: ErrorBody,
  headers: readonly ErrorHeader[],
): void {
  try {
    res.statusCode = status;
    if (req.httpVersionMajor < 2) res.statusMessage = titleOf(status);
    setErrorHeaders(res);
    for (const [name, value] of headers) res.setHeader(name, value);
    addVary(res, 'Accept');
    res.setHeader('Content-Security-Policy', "default-src 'none'");
    res.setHeader('X-Content-Type-Options', 'nosniff');
    res.setHeader('Content-Type', type);
    res.setHeader('Content-Length', Buffer.byteLength(body));
    if (req.method === 'HEAD') res.end();
    else res.end(body);
  } catch (failure) {
    debug(() => ['the response to %s %s could not be written: %s', req.method, req.url, errorText(failure)]);
    resetResponse(res);
  }
}

/** Removes the headers that describe another body, and sets those that forbid caches to store the response. */
export function setErrorHeaders(res: ServerResponse): void {
  // even the removal of a header that was never set would switch off chunked encoding
  for (const name of res.getHeaderNames()) {
    if (representationHeaders.includes(name) || cacheHeaders.test(name)) res.removeHeader(name);
  }
  // one in the past, or none at all such as -1, agrees with no-store
  if (Date.parse(String(res.getHeader('expires'))) > Date.now()) res.removeHeader('expires');
  res.setHeader('Cache-Control', 'no-store');
}

/** Returns the path in the form of Express's final handler: encoded, without origin and query. */
function resourceOf(req: IncomingMessage): string {
  const url: unknown = (req as Request).originalUrl || req.url;
  if (typeof url !== 'string') return 'resource';
  return encodedPath(pathOf(url) || '/');
}
