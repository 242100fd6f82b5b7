import type { IncomingMessage } from 'node:http';
import { parseDirectives, secondsOf } from './directives.js';
import type { StoredHead } from './stored-response.js';

/** Whether a request wants an answer from a cache or none (RFC 9111 section 5.2.1.7). */
export function wantsOnlyCached({ headers }: IncomingMessage): boolean {
  const said = headers['cache-control'];
  return said !== undefined && parseDirectives(said).has('only-if-cached');
}

/** Whether a request wants nothing of it stored. */
export function wantsNothingStored({ headers }: IncomingMessage): boolean {
  const said = headers['cache-control'];
  return said !== undefined && parseDirectives(said).has('no-store');
}

/**
 * Whether a stored response is what a request wants: `fresh`, `stale` where it takes a stale one (`max-stale`), or
 * `no` (RFC 9111 section 5.2.1).
 */
export function meetsWishes(
  { headers }: IncomingMessage,
  head: StoredHead,
  now: number,
): 'fresh' | 'stale' | 'no' {
  const said = headers['cache-control'];
  if (said === undefined) return /\bno-cache\b/i.test(headers.pragma ?? '') ? 'no' : 'fresh';
  const wishes = parseDirectives(said);
  if (wishes.has('no-cache') || wishes.has('no-store')) return 'no';
  const maxAge = secondsOf(wishes, 'max-age');
  if (maxAge !== undefined && now - head.bornAt > maxAge * 1000) return 'no';
  const minFresh = secondsOf(wishes, 'min-fresh');
  if (minFresh !== undefined && head.freshUntil - now < minFresh * 1000) return 'no';
  const maxStale = wishes.get('max-stale');
  if (maxStale === undefined) return 'fresh';
  const allowed =
    maxStale === '' ? Number.POSITIVE_INFINITY : (secondsOf(wishes, 'max-stale') as number) * 1000;
  return now - head.freshUntil <= allowed ? 'stale' : 'fresh';
}
