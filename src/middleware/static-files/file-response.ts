import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from 'node:http';
import fresh from 'fresh';
import parseRange from 'range-parser';
import {
  headerText,
  listMembers,
  varyOnEncoding,
  weakenETag,
} from '../../support/encoding/encoding-headers.js';
import type { Representation, Resource } from './resource.js';

/** The requested bytes of a representation, both ends included. */
interface ByteRange {
  readonly start: number;
  readonly end: number;
}

/** The status, representation and range of the response to a request. */
export interface ResponsePlan {
  readonly status: 200 | 206 | 304 | 412 | 416;
  readonly representation: Representation;
  readonly part?: ByteRange;
}

/** The validators of a response: those that the app has set, otherwise those of the file. */
interface Validators {
  readonly etag: string;
  readonly lastModified: string;
}

/**
 * Plans the response to a GET or HEAD. Preconditions are evaluated in the order of RFC 9110 section 13.2.2, and only if
 * the status that the app has set is successful (section 13.2.1). Ranges apply to the identity only, because a range of
 * encoded bytes is useful only to clients that have the other bytes of that encoding.
 */
export function planResponse(
  { method, headers }: IncomingMessage,
  res: ServerResponse,
  resource: Resource,
): ResponsePlan {
  const { identity } = resource;
  // Ranges are defined for GET only (RFC 9110 section 14.2).
  const hasRange = method === 'GET' && headers.range !== undefined && res.statusCode === 200;
  const range = hasRange ? rangeOf(headers, validatorsOf(res, resource, identity), resource) : undefined;
  const accepted = headers['accept-encoding'];
  const representation =
    range !== undefined || accepted === undefined || res.hasHeader('Content-Encoding')
      ? identity
      : (resource.offer(accepted) ?? identity);
  if (isConditional(headers) && res.statusCode >= 200 && res.statusCode < 300) {
    const { etag, lastModified } = validatorsOf(res, resource, representation);
    if (isPreconditionFailed(headers, etag, Date.parse(lastModified))) return { status: 412, representation };
    if (fresh(headers, { etag, 'last-modified': lastModified })) return { status: 304, representation };
  }
  if (range === undefined) return { status: 200, representation };
  if (range === 'unsatisfiable') return { status: 416, representation };
  return { status: 206, representation, part: range };
}

function validatorsOf(res: ServerResponse, resource: Resource, { etag }: Representation): Validators {
  return {
    etag: headerText(res, 'etag') || etag,
    lastModified: headerText(res, 'last-modified') || resource.lastModified,
  };
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
    return match.trim() !== '*' && !listMembers(match).some((tag) => matchesStrongly(tag, etag));
  }
  const since = headers['if-unmodified-since'];
  return since !== undefined && modified > Date.parse(since);
}

/** The requested range of the identity. Several ranges, or a range that does not apply, result in the whole file. */
function rangeOf(
  headers: IncomingHttpHeaders,
  validators: Validators,
  resource: Resource,
): ByteRange | 'unsatisfiable' | undefined {
  const condition = headers['if-range'];
  if (typeof condition === 'string' && !ifRangeMatches(condition.trim(), validators)) return undefined;
  const { size } = resource.identity.state;
  const ranges = parseRange(size, withinSize(headers.range as string, size), { combine: true });
  if (ranges === -1) return 'unsatisfiable';
  if (ranges === -2 || ranges.type !== 'bytes' || ranges.length !== 1) return undefined;
  return ranges[0];
}

/** Shortens a suffix range to the whole file (RFC 9110 section 14.1.2), because range-parser rejects a longer one. */
function withinSize(range: string, size: number): string {
  return range.replace(/([=,]\s*)-(\d+)/g, (suffix, before, length) =>
    Number(length) > size ? `${before}0-` : suffix,
  );
}

/** Whether `If-Range` matches. Only a strong match proves that the client has this file (RFC 9110 section 13.1.5). */
function ifRangeMatches(condition: string, { etag, lastModified }: Validators): boolean {
  if (/^(?:W\/)?"/.test(condition)) return matchesStrongly(condition, etag);
  return !etag.startsWith('W/') && Date.parse(condition) === Date.parse(lastModified);
}

function matchesStrongly(tag: string, etag: string): boolean {
  return tag === etag && !tag.startsWith('W/');
}

export function setFileHeaders(
  res: ServerResponse,
  resource: Resource,
  { status, representation, part }: ResponsePlan,
): void {
  const { size } = representation.state;
  if (resource.varies) varyOnEncoding(res);
  // These headers describe a body that is not sent (RFC 9110 section 15.4.5).
  if (status >= 300) for (const name of contentHeaders) res.removeHeader(name);
  if (status === 412 || status === 416) {
    if (status === 416) res.setHeader('Content-Range', `bytes */${size}`);
    res.setHeader('Content-Length', 0);
    return;
  }
  setDefault(res, 'Cache-Control', resource.cacheControl);
  setDefault(res, 'ETag', representation.etag);
  // An ETag of the app is the same for all encodings.
  if (representation.encoding !== 'identity' && headerText(res, 'etag') !== representation.etag)
    weakenETag(res);
  setDefault(res, 'Last-Modified', resource.lastModified);
  if (status === 304) return;
  for (const [name, value] of representation.bodyHeaders) setDefault(res, name, value);
  if (part !== undefined) res.setHeader('Content-Range', `bytes ${part.start}-${part.end}/${size}`);
  res.setHeader('Content-Length', part === undefined ? size : part.end - part.start + 1);
}

/** Sets a header unless the app has set it. */
function setDefault(res: ServerResponse, name: string, value: string): void {
  if (headerText(res, name) === '') res.setHeader(name, value);
}

const contentHeaders = [
  'Content-Encoding',
  'Content-Language',
  'Content-Length',
  'Content-Range',
  'Content-Type',
];
