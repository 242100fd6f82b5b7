import type { OutgoingHttpHeaders } from 'node:http';
import { listMembers } from '../../support/encoding/encoding-headers.js';
import { hopByHop } from '../../support/hop-by-hop.js';
import { type Directives, parseDirectives, secondsOf } from './directives.js';
import { type HeaderValue, responseHead, type StoredHead } from './stored-response.js';
import { varyFields } from './vary.js';

/** The options that decide whether a response is stored. */
export interface StoringRules {
  readonly statuses: ReadonlySet<number>;
  /** The lifetime of a response without `max-age`, `s-maxage` or `Expires`. */
  readonly ttlSeconds: number | undefined;
  readonly maxEntryBytes: number;
  /** Seconds for which stale responses are stored for requests with `max-stale`. */
  readonly maxStaleSeconds: number;
}

/** A response whose headers are complete. */
interface ResponseFacts {
  readonly status: number;
  readonly message: string | undefined;
  readonly headers: OutgoingHttpHeaders;
  /** The names of the headers in their original case. */
  readonly names: readonly string[];
  /** The headers that were set before the cache; they are set again for each request. */
  readonly outer: OutgoingHttpHeaders;
  /** Whether the request has credentials that are not part of the key. */
  readonly hasCredentials: boolean;
  readonly route: string | undefined;
}

/** The head to store when the body is complete. */
export interface Storable {
  readonly head: StoredHead;
  readonly vary: readonly string[];
  /** When the entry can be removed. */
  readonly expiresAt: number;
}

/** Why a response is not stored. */
export interface Refusal {
  readonly refused: string;
}

/** Headers of the connection, and headers that are computed for each response. */
const neverStored = new Set([
  ...hopByHop,
  'proxy-authenticate',
  'proxy-authentication-info',
  'content-length',
  'date',
  'age',
]);

/** The statuses to which `ttlSeconds` applies. */
const plainSuccess = new Set([200, 203, 204, 300, 301, 308]);

/**
 * Whether a shared cache may store a response (RFC 9111 section 3), and for how long. The rules are stricter than the
 * RFC where one user could receive the response of another. `no-cache` and `private` with field names are treated as
 * those without. `must-revalidate` does not allow caches to share the response to a request with credentials. There is
 * no heuristic freshness.
 */
export function storability(facts: ResponseFacts, rules: StoringRules): Storable | Refusal {
  const { status, headers, hasCredentials } = facts;
  if (!rules.statuses.has(status)) return { refused: `its status is ${status}` };
  if (headers['content-range'] !== undefined) return { refused: 'it is partial' };
  if (headers['set-cookie'] !== undefined) return { refused: 'it sets a cookie' };
  if (headers.trailer !== undefined) return { refused: 'it has trailers' };
  if (/^\s*text\/event-stream\b/i.test(text(headers['content-type'])))
    return { refused: 'it is an event stream' };
  const vary = varyFields(text(headers.vary));
  if (vary === undefined) return { refused: `it varies on ${text(headers.vary)}` };
  const directives = parseDirectives(text(headers['cache-control']));
  for (const name of ['no-store', 'no-cache', 'private']) {
    if (directives.has(name)) return { refused: `it has ${name}` };
  }
  if (directives.size === 0 && /\bno-cache\b/i.test(text(headers.pragma)))
    return { refused: 'it has no-cache' };
  const open = directives.has('public') || directives.has('s-maxage');
  if (hasCredentials && !open) {
    return { refused: 'the request has credentials, and the response has neither public nor s-maxage' };
  }
  const length = headers['content-length'];
  if (length !== undefined && Number(length) > rules.maxEntryBytes) return { refused: 'it is too large' };

  const now = Date.now();
  const date = parseHttpDate(text(headers.date));
  const lifetime = lifetimeOf(directives, headers, date, now) ?? defaultLifetime(status, rules);
  if (lifetime === undefined) return { refused: 'it states no lifetime' };
  // The handler may pass on a response of another server, which has an age (RFC 9111 section 4.2.3).
  const apparent = Number.isNaN(date) ? 0 : Math.max(0, now - date);
  const bornAt = now - Math.max(apparent, ageOf(headers) * 1000);
  const freshUntil = bornAt + lifetime * 1000;
  const mayBeStale = !directives.has('must-revalidate') && !directives.has('proxy-revalidate');
  const window = (name: string): number =>
    freshUntil + (mayBeStale ? (secondsOf(directives, name) ?? 0) * 1000 : 0);
  const staleUntil = window('stale-while-revalidate');
  const errorUntil = window('stale-if-error');
  const usableUntil = Math.max(freshUntil, staleUntil, errorUntil);
  if (usableUntil <= now) return { refused: 'it is stale already' };
  // `s-maxage` includes `proxy-revalidate` (RFC 9111 section 5.2.2.10).
  const allowsMaxStale = mayBeStale && !directives.has('s-maxage');
  const expiresAt = Math.max(usableUntil, allowsMaxStale ? freshUntil + rules.maxStaleSeconds * 1000 : 0);

  const { message, route } = facts;
  const etag = headers.etag;
  const modified = headers['last-modified'];
  const head = responseHead({
    status,
    ...(message !== undefined && { message }),
    headers: storedHeaders(facts, Number.isNaN(date) ? now : date),
    ...(etag !== undefined && { etag: text(etag) }),
    ...(modified !== undefined && { modified: text(modified) }),
    ranges: /\bbytes\b/i.test(text(headers['accept-ranges'])),
    bornAt,
    freshUntil,
    staleUntil,
    errorUntil,
    open,
    ...(route !== undefined && { route }),
  });
  return { head, vary: withOrigin(vary, headers), expiresAt };
}

/** Seconds of freshness, from the first field present (RFC 9111 section 4.2.1). */
function lifetimeOf(
  directives: Directives,
  headers: OutgoingHttpHeaders,
  date: number,
  now: number,
): number | undefined {
  const declared = secondsOf(directives, 's-maxage') ?? secondsOf(directives, 'max-age');
  if (declared !== undefined || headers.expires === undefined) return declared;
  const expires = parseHttpDate(text(headers.expires));
  return Number.isNaN(expires) ? 0 : Math.max(0, (expires - (Number.isNaN(date) ? now : date)) / 1000);
}

function defaultLifetime(status: number, { ttlSeconds }: StoringRules): number | undefined {
  return plainSuccess.has(status) ? ttlSeconds : undefined;
}

function ageOf({ age }: OutgoingHttpHeaders): number {
  // The first member of a list is used, and an invalid value is ignored (RFC 9111 section 5.1).
  const [first = ''] = text(age).split(',');
  return /^\d+$/.test(first.trim()) ? Number(first) : 0;
}

/** Adds `Origin` to `Vary`, because a CORS permission for one origin must not be sent to another one. */
function withOrigin(vary: readonly string[], headers: OutgoingHttpHeaders): readonly string[] {
  const allowed = text(headers['access-control-allow-origin']);
  return allowed === '' || allowed === '*' || vary.includes('origin') ? vary : [...vary, 'origin'];
}

function storedHeaders({ headers, names, outer }: ResponseFacts, date: number): [string, HeaderValue][] {
  const named = listMembers(text(headers.connection).toLowerCase());
  const stored: [string, HeaderValue][] = [];
  for (const written of names) {
    const name = written.toLowerCase();
    const value = headers[name];
    if (value === undefined || neverStored.has(name) || named.includes(name)) continue;
    if (outer[name] === value) continue;
    stored.push([written, Array.isArray(value) ? [...value] : String(value)]);
  }
  stored.push(['Date', new Date(date).toUTCString()]);
  return stored;
}

/** A header as one string, which is empty when the header is not set. */
function text(value: number | string | readonly string[] | undefined): string {
  return value === undefined ? '' : String(value);
}

// IMF-fixdate and the two obsolete forms of a date (RFC 9110 section 5.6.7).
const fixdate = /^(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun), \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d GMT$/;
const rfc850 = /^(?:Mon|Tues|Wednes|Thurs|Fri|Satur|Sun)day, \d\d-[A-Z][a-z]{2}-\d\d \d\d:\d\d:\d\d GMT$/;
const asctime = /^(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun) [A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d \d{4}$/;

/** Completes a year of two digits, which is at most 50 years in the future (RFC 9110 section 5.6.7). */
function withCentury(text: string): string {
  return text.replace(/^\w+, (\d\d)-(\w{3})-(\d\d)/, (_date, day, month, digits) => {
    const latest = new Date().getUTCFullYear() + 50;
    const year = latest - ((latest - Number(digits)) % 100);
    return `${day} ${month} ${year}`;
  });
}

/** The milliseconds of an HTTP date. `Date.parse` accepts more, so other forms result in NaN. */
function parseHttpDate(text: string): number {
  if (fixdate.test(text)) return Date.parse(text);
  if (rfc850.test(text)) return Date.parse(withCentury(text));
  return asctime.test(text) ? Date.parse(`${text} GMT`) : Number.NaN;
}
