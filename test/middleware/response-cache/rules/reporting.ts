import type { Answer } from '../../../helpers/serve.js';
import { type CacheStatus, cacheStatuses } from './cache-status.js';
import { type Rule, type Step, withCacheControl } from './rule.js';

type Expected = Readonly<Record<string, string | number | true | readonly (string | number)[] | undefined>>;

/** Checks the parameters of the last member, which is ours. `undefined` means that there is no such parameter. */
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

function rule(section: string, title: string, origin: Rule['origin'], steps: readonly Step[]): Rule {
  return { section: `RFC 9211, ${section}`, title, origin, steps };
}

const minute = withCacheControl('max-age=60');

export const reporting: readonly Rule[] = [
  rule('2.1', 'a hit has the parameter hit, and none about forwarding', minute, [
    { from: 1 },
    { from: 1, check: reports({ hit: true, fwd: undefined, 'fwd-status': undefined, stored: undefined }) },
  ]),
  rule('2.2', 'the first request for a URL is reported as a miss', minute, [
    { from: 1, check: reports({ hit: undefined, fwd: ['uri-miss', 'miss'], stored: true }) },
  ]),
  rule(
    '2.2',
    'a request that no variant matches is reported so',
    withCacheControl('max-age=60', { vary: 'X-A' }),
    [
      { headers: { 'x-a': '1' }, from: 1 },
      { headers: { 'x-a': '2' }, from: 2, check: reports({ fwd: ['vary-miss', 'miss'], stored: true }) },
    ],
  ),
  rule(
    '2.2',
    'a request for a stale response is reported so',
    withCacheControl('max-age=60, stale-if-error=60'),
    [{ from: 1 }, { at: 61, from: 2, check: reports({ hit: undefined, fwd: 'stale', stored: true }) }],
  ),
  rule('2.2', 'a request for a response that is useless when stale may be reported as a miss', minute, [
    { from: 1 },
    { at: 61, from: 2, check: reports({ hit: undefined, fwd: ['stale', 'uri-miss', 'miss'], stored: true }) },
  ]),
  rule('2.2', 'a method that is not cached is reported so', minute, [
    { method: 'POST', from: 1, check: reports({ fwd: 'method', stored: undefined }) },
  ]),
  rule('2.2', 'a request with credentials is reported as bypassing the cache', minute, [
    { from: 1 },
    {
      headers: { authorization: 'Bearer 1' },
      from: 2,
      check: reports({ fwd: ['bypass', 'request'], stored: undefined }),
    },
  ]),
  rule('2.4', 'ttl is the rest of the lifetime', minute, [
    { from: 1 },
    { at: 10, from: 1, check: reports({ hit: true, ttl: 50 }) },
    { at: 59, from: 1, check: reports({ hit: true, ttl: 1 }) },
  ]),
  rule(
    '2.4',
    'ttl includes the age that a response already had',
    withCacheControl('max-age=60', { age: '20' }),
    [{ from: 1 }, { at: 10, from: 1, check: reports({ hit: true, ttl: 30 }) }],
  ),
  rule(
    '2.4',
    'ttl of a stale response is below zero',
    withCacheControl('max-age=60, stale-while-revalidate=30'),
    [{ from: 1 }, { at: 70, from: 1, calls: 2, check: reports({ hit: true, ttl: -10 }) }],
  ),
  rule(
    '2.5',
    'a response that is not stored has no parameter stored',
    withCacheControl('private, max-age=60'),
    [{ from: 1, check: reports({ fwd: ['uri-miss', 'miss'], stored: undefined }) }],
  ),
  rule(
    '2.5',
    'a response with a cookie has no parameter stored',
    withCacheControl('max-age=60', { 'set-cookie': 'a=b' }),
    [{ from: 1, check: reports({ hit: undefined, stored: undefined }) }],
  ),
  rule(
    '2',
    'caches closer to the origin are first in the list',
    withCacheControl('max-age=60', { 'cache-status': 'OriginCache; hit; ttl=1100' }),
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
  rule('2.7', 'the key is not part of the response', minute, [
    { path: '?token=s3cret', from: 1 },
    {
      path: '?token=s3cret',
      from: 1,
      check: ({ headers }) => expect(headers['cache-status']).not.toContain('s3cret'),
    },
  ]),
  rule('2', 'a 304 is reported as a hit', withCacheControl('max-age=60', { etag: '"one"' }), [
    { from: 1 },
    { at: 10, headers: { 'if-none-match': '"one"' }, status: 304, check: reports({ hit: true, ttl: 50 }) },
  ]),
  rule('2', 'HEAD is reported as GET is', minute, [
    { from: 1 },
    { at: 10, method: 'HEAD', from: 1, check: reports({ hit: true, ttl: 50 }) },
  ]),
];
