import type { IncomingMessage } from 'node:http';
import { parseDirectives, secondsOf } from './directives.js';
import type { StoredHead } from './stored-response.js';

/** Whether a request accepts only a stored response (RFC 9111 section 5.2.1.7). */
export function isOnlyIfCached({ headers }: IncomingMessage): boolean {
  const header = headers['cache-control'];
  return header !== undefined && parseDirectives(header).has('only-if-cached');
}

/** Whether a request forbids caches to store its response (RFC 9111 section 5.2.1.5). */
export function isNoStore({ headers }: IncomingMessage): boolean {
  const header = headers['cache-control'];
  return header !== undefined && parseDirectives(header).has('no-store');
}

/** Whether a request requires a response that is produced after it (RFC 9111 section 5.2.1.4). */
export function isNoCache({ headers }: IncomingMessage): boolean {
  const header = headers['cache-control'];
  if (header === undefined) return /\bno-cache\b/i.test(headers.pragma ?? '');
  return parseDirectives(header).has('no-cache');
}

/**
 * Whether a stored response satisfies the directives of a request (RFC 9111 section 5.2.1). `fresh` means that it does
 * while it is fresh, `stale` that it does even if it is stale (`max-stale`), and `no` that it does not.
 */
export function matchDirectives(
  req: IncomingMessage,
  head: StoredHead,
  now: number,
): 'fresh' | 'stale' | 'no' {
  if (isNoCache(req)) return 'no';
  const directives = parseDirectives(req.headers['cache-control'] ?? '');
  if (directives.has('no-store')) return 'no';
  const maxAge = secondsOf(directives, 'max-age');
  if (maxAge !== undefined && now - head.bornAt > maxAge * 1000) return 'no';
  const minFresh = secondsOf(directives, 'min-fresh');
  if (minFresh !== undefined && head.freshUntil - now < minFresh * 1000) return 'no';
  const maxStale = directives.get('max-stale');
  if (maxStale === undefined) return 'fresh';
  const allowed =
    maxStale === '' ? Number.POSITIVE_INFINITY : (secondsOf(directives, 'max-stale') as number) * 1000;
  return now - head.freshUntil <= allowed ? 'stale' : 'fresh';
}
