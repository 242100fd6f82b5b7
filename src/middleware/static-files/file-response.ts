import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from 'node:http';
import fresh from 'fresh';
import parseRange from 'range-parser';
import { headerText, varyOnEncoding } from '../../support/encoding/encoding-headers.js';
import { modifiedMs } from './file-state.js';
import type { Representation, Resource } from './resource.js';

/** The requested bytes of a representation, both ends included. */
export interface ByteRange {
  readonly start: number;
  readonly end: number;
}

/** The status, representation and range of the response to a request. */
export interface ResponsePlan {
  readonly status: 200 | 206 | 304 | 412 | 416;
  readonly representation: Representation;
  readonly part?: ByteRange;
}

/**
 * Plans the response to a GET or HEAD. Preconditions are evaluated in the order of RFC 9110 section 13.2.2. Ranges apply
 * to the identity only, since a range of encoded bytes only helps clients that have the other bytes of that encoding.
 */
export function planResponse({ method, headers }: IncomingMessage, resource: Resource): ResponsePlan {
  const { identity } = resource;
  // RFC 9110 section 14.2: ranges are defined for GET
  const wanted = method === 'GET' && headers.range !== undefined ? rangeOf(headers, resource) : undefined;
  const accepted = headers['accept-encoding'];
  const representation =
    wanted !== undefined || accepted === undefined ? identity : (resource.offer(accepted) ?? identity);
  if (isConditional(headers)) {
    const { etag } = representation;
    if (isPreconditionFailed(headers, etag, modifiedMs(resource.stats)))
      return { status: 412, representation };
    if (fresh(headers, { etag, 'last-modified': resource.lastModified })) {
      return { status: 304, representation };
    }
  }
  if (wanted === undefined) return { status: 200, representation };
  if (wanted === 'unsatisfiable') return { status: 416, representation };
  return { status: 206, representation, part: wanted };
}

function isConditional(headers: IncomingHttpHeaders): boolean {
  return (
    headers['if-none-match'] !== undefined ||
    headers['if-modified-since'] !== undefined ||
    headers['if-match'] !== undefined ||
    headers['if-unmodified-since'] !== undefined
  );
}

function isPreconditionFailed(headers: IncomingHttpHeaders, etag: string, modified: number): boolean {
  const match = headers['if-match'];
  if (match !== undefined) {
    return match.trim() !== '*' && !match.split(',').some((tag) => matchesStrongly(tag.trim(), etag));
  }
  const since = headers['if-unmodified-since'];
  return since !== undefined && toSecond(modified) > Date.parse(since);
}

/** The requested range of the identity. Several ranges, or one that does not apply, result in the whole file. */
function rangeOf(headers: IncomingHttpHeaders, resource: Resource): ByteRange | 'unsatisfiable' | undefined {
  const condition = headers['if-range'];
  if (typeof condition === 'string' && !ifRangeMatches(condition.trim(), resource)) return undefined;
  const { size } = resource.identity.state;
  const ranges = parseRange(size, withinSize(headers.range as string, size), { combine: true });
  if (ranges === -1) return 'unsatisfiable';
  if (ranges === -2 || ranges.type !== 'bytes' || ranges.length !== 1) return undefined;
  return ranges[0];
}

/** A suffix longer than the file means all of it (RFC 9110 section 14.1.2); range-parser rejects that. */
function withinSize(range: string, size: number): string {
  return range.replace(/([=,]\s*)-(\d+)/g, (suffix, before, length) =>
    Number(length) > size ? `${before}0-` : suffix,
  );
}

/** RFC 9110 section 13.1.5: only a strong match proves that the client has the other bytes of this file. */
function ifRangeMatches(condition: string, { identity, stats }: Resource): boolean {
  if (/^(?:W\/)?"/.test(condition)) return matchesStrongly(condition, identity.etag);
  return !identity.etag.startsWith('W/') && Date.parse(condition) === toSecond(modifiedMs(stats));
}

function matchesStrongly(tag: string, etag: string): boolean {
  return tag === etag && !tag.startsWith('W/');
}

function toSecond(ms: number): number {
  return Math.floor(ms / 1000) * 1000;
}

/** Sets the headers of a planned response. */
export function setFileHeaders(
  res: ServerResponse,
  resource: Resource,
  { status, representation, part }: ResponsePlan,
): void {
  const { size } = representation.state;
  if (resource.varies) varyOnEncoding(res);
  if (status === 412 || status === 416) {
    if (status === 416) res.setHeader('Content-Range', `bytes */${size}`);
    res.setHeader('Content-Length', 0);
    return;
  }
  // a Cache-Control that the app has set takes precedence
  if (headerText(res, 'cache-control') === '') res.setHeader('Cache-Control', resource.cacheControl);
  res.setHeader('ETag', representation.etag);
  res.setHeader('Last-Modified', resource.lastModified);
  if (status === 304) return;
  for (const [name, value] of representation.bodyHeaders) res.setHeader(name, value);
  if (part !== undefined) res.setHeader('Content-Range', `bytes ${part.start}-${part.end}/${size}`);
  res.setHeader('Content-Length', part === undefined ? size : part.end - part.start + 1);
}
