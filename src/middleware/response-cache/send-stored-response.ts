import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from 'node:http';
import isFresh from 'fresh';
import parseRange from 'range-parser';
import { contextOf } from '../../support/context/context.js';
import { addCacheStatus } from './cache-status.js';
import type { StoredHead, StoredResponse } from './stored-response.js';

/** The `end` function of a response, with or without the hook of the cache. */
type End = (this: ServerResponse, body?: Buffer) => unknown;

// All versions of range-parser in Express read these forms in the same way.
const plainRanges = /^ *bytes= *(?:\d+-\d*|-\d+)(?: *, *(?:\d+-\d*|-\d+))*$/;

/**
 * The requested part of a stored response. `unclear` is a range that is not satisfiable or not readable. The handler
 * responds to such a request.
 */
export function rangeOf(
  { headers, method }: IncomingMessage,
  { head, body }: StoredResponse,
): { start: number; end: number } | 'whole' | 'unclear' {
  const { range } = headers;
  if (range === undefined || method !== 'GET' || !head.ranges || head.status !== 200) return 'whole';
  if (!/^ *bytes=/.test(range)) return 'whole';
  const condition = headers['if-range'];
  if (condition !== undefined && !ifRangeMatches(String(condition), head)) {
    // A weak tag does not match (RFC 9110 section 13.1.5), but express.static accepts it.
    return condition === head.etag ? 'unclear' : 'whole';
  }
  const ranges = plainRanges.test(range) ? parseRange(body.length, range, { combine: true }) : -2;
  if (typeof ranges === 'number') return 'unclear';
  const [first, ...more] = ranges;
  return first === undefined || more.length > 0 ? 'whole' : first;
}

/** Whether `If-Range` matches (RFC 9110 section 13.1.5). */
function ifRangeMatches(condition: string, { etag, modified }: StoredHead): boolean {
  if (condition.includes('"')) return condition === etag && !condition.startsWith('W/');
  return Date.parse(modified ?? '') <= Date.parse(condition);
}

/** Whether the validators of the client match, by the same rule as `req.fresh` in Express. */
export function isNotModified(
  headers: IncomingHttpHeaders,
  status: number,
  etag: string | undefined,
  modified: string | undefined,
): boolean {
  if (headers['if-none-match'] === undefined && headers['if-modified-since'] === undefined) return false;
  if (status < 200 || status >= 300 || (etag === undefined && modified === undefined)) return false;
  return isFresh(headers, { etag, 'last-modified': modified });
}

/**
 * Sends a stored response as the route would: whole, as a range, as a 304, or the head only. `status` contains the
 * parameters of `Cache-Status`. `end` is the response's own function.
 */
export function sendStoredResponse(
  req: IncomingMessage,
  res: ServerResponse,
  stored: StoredResponse,
  now: number,
  status: string | undefined,
  end: End = res.end as unknown as End,
): void {
  const { head } = stored;
  const notModified = isNotModified(req.headers, head.status, head.etag, head.modified);
  for (const [name, value] of head.headers) {
    if (notModified && isContentType(name)) continue;
    // The list is copied, because other code may append to it.
    res.setHeader(name, typeof value === 'string' ? value : [...value]);
  }
  res.setHeader('Age', Math.max(0, Math.floor((now - head.bornAt) / 1000)));
  if (status !== undefined) addCacheStatus(res, status);
  if (head.message !== undefined && req.httpVersionMajor < 2) res.statusMessage = head.message;
  // The route for the log is set here, because no router runs.
  const context = contextOf(req);
  if (context !== undefined) context.matchedRoute ??= head.route;
  if (notModified) {
    res.statusCode = 304;
    end.call(res);
  } else {
    res.statusCode = head.status;
    sendBody(req, res, stored, end);
  }
}

function isContentType(name: string): boolean {
  return name.length === 12 && name.toLowerCase() === 'content-type';
}

function sendBody(req: IncomingMessage, res: ServerResponse, stored: StoredResponse, end: End): void {
  const { head, body } = stored;
  if (head.status === 204) {
    end.call(res);
    return;
  }
  const range = rangeOf(req, stored);
  let part = body;
  if (typeof range === 'object') {
    res.statusCode = 206;
    res.setHeader('Content-Range', `bytes ${range.start}-${range.end}/${body.length}`);
    part = body.subarray(range.start, range.end + 1);
  }
  res.setHeader('Content-Length', part.length);
  if (req.method === 'HEAD') end.call(res);
  else end.call(res, part);
}
