import type { OutgoingHttpHeaders } from 'node:http';
import { hopByHop } from '../../support/hop-by-hop.js';
import { type Directives, parseDirectives, secondsOf } from './directives.js';
import { type HeaderValue, responseHead, type StoredHead } from './stored-response.js';
import { varyFields } from './vary.js';

/** What decides about a response beside what it says itself. */
export interface StoringRules {
  readonly statuses: ReadonlySet<number>;
  /** For a response that does not say how long it is fresh. */
  readonly ttlSeconds: number | undefined;
  readonly maxEntryBytes: number;
}

/** A response whose headers are complete. */
export interface ResponseFacts {
  readonly status: number;
  readonly message: string | undefined;
  readonly headers: OutgoingHttpHeaders;
  /** The names of the headers as the app wrote them. */
  readonly names: readonly string[];
  /** The headers that were set before the cache saw the request; they are set anew for every request. */
  readonly outer: OutgoingHttpHeaders;
  /** Whether the request came with credentials that are no part of the key. */
  readonly hasCredentials: boolean;
  readonly route: string | undefined;
}

/** What is to be stored, once the body is complete. */
export interface Storable {
  readonly head: StoredHead;
  readonly vary: readonly string[];
}

/** Why a response is not stored. */
export interface Refusal {
  readonly refused: string;
}

/** Beside the headers of the connection: those that are made anew for each response. */
const neverStored = new Set([
  ...hopByHop,
  'proxy-authenticate',
  'proxy-authentication-info',
  'content-length',
  'date',
  'age',
]);

/** The statuses with which a response that says nothing of caching is stored by default. */
const plainSuccess = new Set([200, 203, 204, 300, 301, 308]);

/**
 * Whether a shared cache may store a response (RFC 9111 section 3), and for how long. Stricter than it must be where a
 * mistake would show one user's response to another: `no-cache` and `private` count with fields, too,
 * `must-revalidate` does not make a response to a request with credentials shareable, and nothing is stored by heuristics.
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
  const says = parseDirectives(text(headers['cache-control']));
  for (const name of ['no-store', 'no-cache', 'private']) {
    if (says.has(name)) return { refused: `it says ${name}` };
  }
  if (says.size === 0 && /\bno-cache\b/i.test(text(headers.pragma))) return { refused: 'it says no-cache' };
  const open = says.has('public') || says.has('s-maxage');
  if (hasCredentials && !open) {
    return { refused: 'the request has credentials, and it says neither public nor s-maxage' };
  }
  const length = headers['content-length'];
  if (length !== undefined && Number(length) > rules.maxEntryBytes) return { refused: 'it is too large' };

  const now = Date.now();
  const date = parseHttpDate(text(headers.date));
  const lifetime = lifetimeOf(says, headers, date, now) ?? defaultLifetime(status, rules);
  if (lifetime === undefined) return { refused: 'it does not say how long it is fresh' };
  // RFC 9111 section 4.2.3, for a response that came from another server
  const apparent = Number.isNaN(date) ? 0 : Math.max(0, now - date);
  const bornAt = now - Math.max(apparent, ageOf(headers) * 1000);
  const freshUntil = bornAt + lifetime * 1000;
  const mayBeStale = !says.has('must-revalidate') && !says.has('proxy-revalidate');
  const window = (name: string): number =>
    freshUntil + (mayBeStale ? (secondsOf(says, name) ?? 0) * 1000 : 0);
  const staleUntil = window('stale-while-revalidate');
  const errorUntil = window('stale-if-error');
  if (Math.max(freshUntil, staleUntil, errorUntil) <= now) return { refused: 'it is stale from the start' };

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
  return { head, vary: withOrigin(vary, headers) };
}

/** Seconds, by the first of these that is there (RFC 9111 section 4.2.1). */
function lifetimeOf(
  says: Directives,
  headers: OutgoingHttpHeaders,
  date: number,
  now: number,
): number | undefined {
  const declared = secondsOf(says, 's-maxage') ?? secondsOf(says, 'max-age');
  if (declared !== undefined || headers.expires === undefined) return declared;
  const expires = parseHttpDate(text(headers.expires));
  return Number.isNaN(expires) ? 0 : Math.max(0, (expires - (Number.isNaN(date) ? now : date)) / 1000);
}

function defaultLifetime(status: number, { ttlSeconds }: StoringRules): number | undefined {
  return plainSuccess.has(status) ? ttlSeconds : undefined;
}

function ageOf({ age }: OutgoingHttpHeaders): number {
  // what is no whole number is passed over (RFC 9111 section 5.1)
  return /^\d+$/.test(text(age)) ? Number(age) : 0;
}

/** A permission for one origin is no permission for another, even where `Vary` was forgotten. */
function withOrigin(vary: readonly string[], headers: OutgoingHttpHeaders): readonly string[] {
  const allowed = text(headers['access-control-allow-origin']);
  return allowed === '' || allowed === '*' || vary.includes('origin') ? vary : [...vary, 'origin'];
}

function storedHeaders({ headers, names, outer }: ResponseFacts, date: number): [string, HeaderValue][] {
  const named = text(headers.connection)
    .toLowerCase()
    .split(',')
    .map((name) => name.trim());
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

/** A header as one text; empty when it is not set. */
function text(value: number | string | readonly string[] | undefined): string {
  return value === undefined ? '' : String(value);
}

// IMF-fixdate, and the two obsolete forms (RFC 9110 section 5.6.7)
const fixdate = /^(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun), \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d GMT$/;
const rfc850 = /^(?:Mon|Tues|Wednes|Thurs|Fri|Satur|Sun)day, \d\d-[A-Z][a-z]{2}-\d\d \d\d:\d\d:\d\d GMT$/;
const asctime = /^(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun) [A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d \d{4}$/;

/** The milliseconds of an HTTP date; NaN for anything else that `Date.parse` would make something of. */
function parseHttpDate(text: string): number {
  if (fixdate.test(text) || rfc850.test(text)) return Date.parse(text);
  return asctime.test(text) ? Date.parse(`${text} GMT`) : Number.NaN;
}
