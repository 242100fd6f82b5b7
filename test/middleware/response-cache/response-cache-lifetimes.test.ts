import CachePolicy from 'http-cache-semantics';
import { storability } from '../../../src/middleware/response-cache/storability.js';

const rules = { statuses: new Set([200]), ttlSeconds: undefined, maxEntryBytes: 1000, maxStaleSeconds: 0 };

function ours(headers: Record<string, string>) {
  const facts = {
    status: 200,
    message: undefined,
    headers,
    names: Object.keys(headers),
    outer: {},
    hasCredentials: false,
    route: undefined,
  };
  const verdict = storability(facts, rules);
  return 'refused' in verdict ? 0 : (verdict.head.freshUntil - verdict.head.bornAt) / 1000;
}

function theirs(headers: Record<string, string>) {
  const policy = new CachePolicy({ headers: {} }, { status: 200, headers }, { cacheHeuristic: 0 });
  return policy.storable() ? policy.maxAge() : 0;
}

const from = (date: number) => new Date(date).toUTCString();
const now = Date.now();

describe('how long a response is fresh', () => {
  it.each([
    { 'cache-control': 'max-age=60' },
    { 'cache-control': 'public, max-age=60, s-maxage=30' },
    { 'cache-control': 's-maxage=30, max-age=60' },
    { 'cache-control': 'max-age=0' },
    { 'cache-control': 'no-store, max-age=60' },
    { 'cache-control': 'private, max-age=60' },
    { 'cache-control': 'no-cache, max-age=60' },
    { 'cache-control': 'max-age="60"' },
    { 'cache-control': 'max-age=60', expires: '0' },
    { 'cache-control': 'public', expires: from(now + 90_000), date: from(now) },
    { expires: from(now + 90_000), date: from(now) },
    { expires: from(now - 90_000), date: from(now) },
    { 'cache-control': 'max-age=60', vary: '*' },
    { pragma: 'no-cache', expires: from(now + 90_000), date: from(now) },
    {},
  ] as Record<string, string>[])('is that of http-cache-semantics: %j', (headers) => {
    expect(ours(headers)).toBe(theirs(headers));
  });

  it.each([
    // names are not case-sensitive (RFC 9111 section 5.2)
    [{ 'cache-control': 'PRIVATE, max-age=60' }, 0],
    [{ 'cache-control': 'Max-Age=60' }, 60],
    // a comma inside quotes ends no directive
    [{ 'cache-control': 'x="a, max-age=5", max-age=60' }, 60],
    // it forbids stale answers, not fresh ones (section 5.2.2.8)
    [{ 'cache-control': 'max-age=60, proxy-revalidate' }, 60],
    // stale, where two times are given (section 4.2.1)
    [{ 'cache-control': 'max-age=0, max-age=60' }, 0],
    [{ 'cache-control': 'max-age=60', vary: 'accept, *' }, 0],
    [{ 'cache-control': 'max-age=60s' }, 0],
  ] as [Record<string, string>, number][])(
    'is that of the RFC where that package differs: %j',
    (headers, seconds) => {
      expect(ours(headers)).toBe(seconds);
    },
  );
});
