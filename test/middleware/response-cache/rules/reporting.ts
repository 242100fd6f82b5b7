import type { Answer } from '../../../helpers/serve.js';
import { type CacheStatus, cacheStatuses } from './cache-status.js';
import { type Ask, type Rule, says } from './rule.js';

type Expected = Readonly<Record<string, string | number | true | readonly (string | number)[] | undefined>>;

/** The last member, which is ours, has these parameters; `undefined` says that there is none of that name. */
function reports(expected: Expected) {
  return ({ headers }: Answer): void => {
    const { parameters } = cacheStatuses(String(headers['cache-status'])).at(-1) as CacheStatus;
    for (const [name, value] of Object.entries(expected)) {
      if (Array.isArray(value)) expect(value).toContain(parameters[name]);
      else expect({ [name]: parameters[name] }).toEqual({ [name]: value });
    }
    expect(['hit', 'fwd'].filter((name) => name in parameters)).toHaveLength(1);
  };
}

function rule(section: string, title: string, origin: Rule['origin'], asks: readonly Ask[]): Rule {
  return { section: `RFC 9211, ${section}`, title, origin, asks };
}

const minute = says('max-age=60');

export const reporting: readonly Rule[] = [
  rule('2.1', 'a hit says hit, and nothing of being forwarded', minute, [
    { from: 1 },
    { from: 1, check: reports({ hit: true, fwd: undefined, 'fwd-status': undefined, stored: undefined }) },
  ]),
  rule('2.2', 'the first request of a URL is forwarded for that', minute, [
    { from: 1, check: reports({ hit: undefined, fwd: ['uri-miss', 'miss'], stored: true }) },
  ]),
  rule('2.2', 'a request no variant fits is forwarded for that', says('max-age=60', { vary: 'X-A' }), [
    { headers: { 'x-a': '1' }, from: 1 },
    { headers: { 'x-a': '2' }, from: 2, check: reports({ fwd: ['vary-miss', 'miss'], stored: true }) },
  ]),
  rule('2.2', 'what is stale is forwarded for that', says('max-age=60, stale-if-error=60'), [
    { from: 1 },
    { at: 61, from: 2, check: reports({ hit: undefined, fwd: 'stale', stored: true }) },
  ]),
  rule('2.2', 'what is of no use when stale may be gone by then', minute, [
    { from: 1 },
    { at: 61, from: 2, check: reports({ hit: undefined, fwd: ['stale', 'uri-miss', 'miss'], stored: true }) },
  ]),
  rule('2.2', 'a method that is not cached is forwarded for that', minute, [
    { method: 'POST', from: 1, check: reports({ fwd: 'method', stored: undefined }) },
  ]),
  rule('2.2', 'a user is forwarded past the cache', minute, [
    { from: 1 },
    {
      headers: { authorization: 'Bearer 1' },
      from: 2,
      check: reports({ fwd: ['bypass', 'request'], stored: undefined }),
    },
  ]),
  rule('2.4', 'ttl is what is left of the lifetime', minute, [
    { from: 1 },
    { at: 10, from: 1, check: reports({ hit: true, ttl: 50 }) },
    { at: 59, from: 1, check: reports({ hit: true, ttl: 1 }) },
  ]),
  rule('2.4', 'ttl counts the age an answer came with', says('max-age=60', { age: '20' }), [
    { from: 1 },
    { at: 10, from: 1, check: reports({ hit: true, ttl: 30 }) },
  ]),
  rule('2.4', 'ttl of a stale answer is below zero', says('max-age=60, stale-while-revalidate=30'), [
    { from: 1 },
    { at: 70, from: 1, calls: 2, check: reports({ hit: true, ttl: -10 }) },
  ]),
  rule('2.5', 'what is not kept does not say it is', says('private, max-age=60'), [
    { from: 1, check: reports({ fwd: ['uri-miss', 'miss'], stored: undefined }) },
  ]),
  rule('2.5', 'nor does an answer with a cookie', says('max-age=60', { 'set-cookie': 'a=b' }), [
    { from: 1, check: reports({ hit: undefined, stored: undefined }) },
  ]),
  rule(
    '2',
    'the caches before come first in the list',
    says('max-age=60', { 'cache-status': 'OriginCache; hit; ttl=1100' }),
    [
      {
        from: 1,
        check: ({ headers }) => {
          const members = cacheStatuses(String(headers['cache-status']));
          expect(members).toHaveLength(2);
          expect(members[0]).toEqual({ cache: 'OriginCache', parameters: { hit: true, ttl: 1100 } });
        },
      },
    ],
  ),
  rule('2.7', 'the key is not told to strangers', minute, [
    { path: '?token=s3cret', from: 1 },
    {
      path: '?token=s3cret',
      from: 1,
      check: ({ headers }) => expect(headers['cache-status']).not.toContain('s3cret'),
    },
  ]),
  rule('2', 'a 304 is reported like the hit it is', says('max-age=60', { etag: '"one"' }), [
    { from: 1 },
    { at: 10, headers: { 'if-none-match': '"one"' }, status: 304, check: reports({ hit: true, ttl: 50 }) },
  ]),
  rule('2', 'HEAD is reported like the GET', minute, [
    { from: 1 },
    { at: 10, method: 'HEAD', from: 1, check: reports({ hit: true, ttl: 50 }) },
  ]),
];
