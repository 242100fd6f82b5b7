import { hits, type Rule, type Step, withCacheControl } from './rule.js';

const german = { 'accept-language': 'de' };
const english = { 'accept-language': 'en' };
const byLanguage = withCacheControl('max-age=60', { vary: 'Accept-Language' });
const never: readonly Step[] = [
  { headers: german, from: 1 },
  { headers: german, from: 2 },
];

/** Which stored response for a URL matches a request. */
const vary: Rule[] = [
  {
    section: 'RFC 9111, 4.1',
    title: 'the same value of a header in Vary is a hit, another is not, and both variants are stored',
    origin: byLanguage,
    steps: [
      { headers: german, from: 1 },
      { headers: german, from: 1 },
      { headers: english, from: 2 },
      { headers: german, from: 1, calls: 2 },
      { headers: english, from: 2 },
    ],
  },
  {
    section: 'RFC 9111, 4.1',
    title: 'a missing header matches only a missing header',
    origin: byLanguage,
    steps: [{ from: 1 }, { from: 1 }, { headers: german, from: 2 }, { from: 1, calls: 2 }],
  },
  {
    section: 'RFC 9111, 4.1',
    title: 'all headers in Vary are compared',
    origin: withCacheControl('max-age=60', { vary: 'X-A, X-B' }),
    steps: [
      { headers: { 'x-a': '1', 'x-b': '1' }, from: 1 },
      { headers: { 'x-a': '1', 'x-b': '2' }, from: 2 },
      { headers: { 'x-a': '2', 'x-b': '1' }, from: 3 },
      { headers: { 'x-a': '1' }, from: 4 },
      { headers: { 'x-a': '1', 'x-b': '1', 'x-c': '1' }, from: 1, calls: 4 },
    ],
  },
  {
    section: 'RFC 9110, 5.1',
    title: 'the names in Vary are case-insensitive',
    origin: withCacheControl('max-age=60', { vary: 'ACCEPT-language' }),
    steps: [
      { headers: german, from: 1 },
      { headers: { 'Accept-Language': 'de' }, from: 1 },
      { headers: english, from: 2 },
    ],
  },
  {
    section: 'RFC 9110, 12.5.5',
    title: 'the values of headers in Vary are case-sensitive',
    origin: withCacheControl('max-age=60', { vary: 'X-A' }),
    steps: [
      { headers: { 'x-a': 'one' }, from: 1 },
      { headers: { 'x-a': 'ONE' }, from: 2 },
    ],
  },
  {
    section: 'RFC 9111, 4.1',
    title: 'the rule for Accept-Language does not apply to a header whose name begins with it',
    origin: withCacheControl('max-age=60', { vary: 'Accept-Tenant' }),
    steps: [
      { headers: { 'accept-tenant': 'acme' }, from: 1 },
      { headers: { 'accept-tenant': 'Acme' }, from: 2 },
      { headers: { 'accept-tenant': 'a, b' }, from: 3 },
      { headers: { 'accept-tenant': 'a,b' }, from: 4 },
    ],
  },
  {
    section: 'RFC 9110, 5.3',
    title: 'two lines of Vary are one list',
    origin: withCacheControl('max-age=60', { vary: ['X-A', 'X-B'] }),
    steps: [
      { headers: { 'x-a': '1', 'x-b': '1' }, from: 1 },
      { headers: { 'x-a': '1', 'x-b': '2' }, from: 2 },
      { headers: { 'x-a': '2', 'x-b': '1' }, from: 3 },
      { headers: { 'x-a': '1', 'x-b': '1' }, from: 1, calls: 3 },
    ],
  },
  {
    section: 'RFC 9110, 5.6.1',
    title: 'empty members and blanks of Vary are ignored',
    origin: withCacheControl('max-age=60', { vary: ' , x-a ,,' }),
    steps: [
      { headers: { 'x-a': '1' }, from: 1 },
      { headers: { 'x-a': '1' }, from: 1 },
      { headers: { 'x-a': '2' }, from: 2 },
    ],
  },
  ...['*', ' * ', 'Accept-Language, *', '*, Accept-Language'].map(
    (value): Rule => ({
      section: 'RFC 9111, 4.1',
      title: `Vary: ${JSON.stringify(value)} never matches`,
      origin: withCacheControl('max-age=60', { vary: value }),
      steps: never,
    }),
  ),
  {
    section: 'RFC 9111, 4.1',
    title: '* on a second line of Vary never matches',
    origin: withCacheControl('max-age=60', { vary: ['Accept-Language', '*'] }),
    steps: never,
  },
  {
    section: 'RFC 9111, 4.1',
    title: 'values cannot be moved from one header to the next',
    origin: withCacheControl('max-age=60', { vary: 'X-A, X-B' }),
    steps: [
      ['1', '2'],
      ['1, 2', ''],
      ['', '1, 2'],
      ['1:x-b:2', ''],
      ['1"', '"2'],
      ['1|2', ''],
      ['1&x-b=2', ''],
      ['1","2', ''],
      ['%00', '2'],
    ].map(([a, b], i) => ({ headers: { 'x-a': String(a), 'x-b': String(b) }, from: i + 1 })),
  },
  {
    section: 'RFC 9111, 4.1',
    title: 'a response is selected only by matching requests, also after Vary has changed',
    origin: (req) => withCacheControl('max-age=60', { vary: req.headers['x-b'] ? 'X-A, X-B' : 'X-A' }),
    steps: [
      { headers: { 'x-a': '1' }, from: 1 },
      { headers: { 'x-a': '2', 'x-b': '1' }, from: 2 },
      { headers: { 'x-a': '3', 'x-b': '2' }, from: 3 },
      { headers: { 'x-a': '2', 'x-b': '2' }, from: 4 },
      { headers: { 'x-a': '2', 'x-b': '1' }, from: 2, calls: 4 },
    ],
  },
  {
    section: 'RFC 9110, 12.5.5',
    title: 'a public response with Vary: Cookie is stored for each cookie',
    origin: withCacheControl('public, max-age=60', { vary: 'Cookie' }),
    steps: [
      { headers: { cookie: 'sid=1' }, from: 1 },
      { headers: { cookie: 'sid=2' }, from: 2 },
      { headers: { cookie: 'sid=1' }, from: 1, calls: 2 },
      { from: 3 },
    ],
  },
  {
    section: 'RFC 9110, 12.5.5',
    title: 'a public response with Vary: Authorization is stored for each value',
    origin: withCacheControl('public, max-age=60', { vary: 'Authorization' }),
    steps: [
      { headers: { authorization: 'Bearer 1' }, from: 1 },
      { headers: { authorization: 'Bearer 2' }, from: 2 },
      { headers: { authorization: 'Bearer 1' }, from: 1, calls: 2 },
      { from: 3 },
    ],
  },
  {
    section: 'RFC 9110, 5.3',
    title: 'lines of one request header are one value',
    origin: withCacheControl('max-age=60', { vary: 'X-A' }),
    steps: [
      { headers: { 'x-a': ['1', '2'] }, from: 1 },
      { headers: { 'x-a': '1, 2' }, from: 1 },
      { headers: { 'x-a': ['2', '1'] }, from: 2 },
    ],
  },
  {
    section: 'RFC 9111, 4.1',
    title: 'a hit contains Vary',
    origin: byLanguage,
    steps: [1, 2].map(() => ({ headers: german, from: 1, has: { vary: /accept-language/i } })),
  },
  {
    section: 'RFC 9111, 4.1',
    title: 'one variant expires without the other',
    origin: (_req, call) => withCacheControl(`max-age=${call === 1 ? 5 : 60}`, { vary: 'Accept-Language' }),
    steps: [
      { headers: german, from: 1 },
      { headers: english, from: 2 },
      { at: 6, headers: english, from: 2 },
      { at: 6, headers: german, from: 3 },
    ],
  },
];

const minute = withCacheControl('max-age=60');

/** What makes two requests the same. */
const keys: Rule[] = [
  {
    section: 'RFC 9112, 3.2',
    title: 'a request target with a fragment is invalid, and its response is not stored',
    origin: minute,
    steps: [
      { path: '/b#c', from: 1 },
      { path: '/b#c', from: 2 },
      { path: '/b', from: 3 },
      { path: '/b%23c', from: 4 },
    ],
  },
  {
    section: 'RFC 9111, 2',
    title: 'the query is part of the key',
    origin: minute,
    steps: [
      { path: '?a=1', from: 1 },
      { path: '?a=2', from: 2 },
      { from: 3 },
      { path: '?a=1', from: 1, calls: 3 },
    ],
  },
  {
    section: 'RFC 9110, 4.2.3',
    title: 'the order of parameters with different names is not part of the key',
    origin: minute,
    steps: [
      { path: '?a=1&b=2', from: 1 },
      { path: '?b=2&a=1', from: 1 },
    ],
  },
  {
    section: 'RFC 9110, 4.2.3',
    title: 'the order of parameters with the same name is part of the key',
    origin: minute,
    steps: [
      { path: '?a=1&a=2', from: 1 },
      { path: '?a=2&a=1', from: 2 },
      { path: '?a=1', from: 3 },
      { path: '?a=2', from: 4 },
    ],
  },
  ...(
    [
      ['?a=1%26b=2', '?a=1&b=2'],
      ['?a%3D1', '?a=1'],
      ['?a[]=1', '?a=1'],
      ['?a[b]=1', '?a[c]=1'],
      ['?a[]=1&a[]=2', '?a[]=2&a[]=1'],
      ['?a[b]=1&a=2', '?a=2&a[b]=1'],
      ['?a=1+2', '?a=1%2B2'],
      ['?a=1%2', '?a=1'],
      ['?a=%FF', '?a=%FE'],
      ['?a=x', '?a=X'],
      ['?a=', '?b='],
      ['?a=1;b=2', '?a=1'],
      ['?__proto__=1', '?'],
      ['/b', '/B'],
      ['/b', '/b/'],
      ['/b/c', '/b%2Fc'],
      ['/b?c', '/b%3Fc'],
      ['/b', '//b'],
      ['/b;v=1', '/b;v=2'],
      ['/%00', '/'],
      ['/%e4', '/%c3%a4'],
      ['/b', '/b%20'],
      ['/b.', '/b'],
    ] as const
  ).map(
    ([one, other]): Rule => ({
      section: 'RFC 9110, 4.2.3',
      title: `${one} and ${other} have different keys`,
      origin: minute,
      steps: [
        { path: one, from: 1 },
        { path: other, from: 2 },
        { path: one, from: 1, calls: 2 },
      ],
    }),
  ),
  {
    section: 'RFC 9110, 7.2',
    title: 'each host has separate responses',
    origin: minute,
    steps: [
      { headers: { host: 'a.test' }, from: 1 },
      { headers: { host: 'b.test' }, from: 2 },
      { headers: { host: 'a.test:8080' }, from: 3 },
      { headers: { host: 'a.test' }, from: 1, calls: 3 },
    ],
  },
  {
    section: 'RFC 9110, 4.2.3',
    title: 'hosts are case-insensitive',
    origin: minute,
    steps: [
      { headers: { host: 'a.test' }, from: 1 },
      { headers: { host: 'A.TEST' }, from: 1 },
    ],
  },
  ...[
    'x-forwarded-host',
    'x-forwarded-proto',
    'x-forwarded-for',
    'forwarded',
    'x-original-url',
    'x-rewrite-url',
  ].map(
    (name): Rule => ({
      section: 'RFC 9111, 7.1',
      title: `an untrusted ${name} changes neither the key nor the stored response`,
      origin: minute,
      steps: [
        { from: 1 },
        { headers: { [name]: 'host=evil.test;proto=https' }, from: 1 },
        { headers: { [name]: '/evil' }, from: 1 },
      ],
    }),
  ),
  ...[
    ['x-forwarded-host', 'evil.test'],
    ['x-forwarded-proto', 'https'],
    ['forwarded', 'host=evil.test'],
    ['x-original-url', '/evil'],
    ['x-rewrite-url', '/evil'],
    ['x-http-method-override', 'DELETE'],
  ].map(
    ([name = '', value = '']): Rule => ({
      section: 'RFC 9111, 7.1',
      title: `a response to a request with ${name} is not shared`,
      origin: minute,
      steps: [{ headers: { [name]: value }, from: 1 }, { from: 2 }, { from: 2 }],
    }),
  ),
  {
    section: 'RFC 9111, 4',
    title: 'the body of a GET does not change the responses for other clients',
    origin: (req) =>
      req.headers['content-length'] ? { ...withCacheControl('max-age=60'), body: 'for the body' } : minute,
    steps: [{ headers: { 'content-length': '4' }, body: 'evil', from: 1 }, { from: 2 }],
  },
  {
    section: 'RFC 9110, 9.3.1',
    title: 'headers that are not in Vary are not compared',
    origin: minute,
    steps: [
      { headers: { 'user-agent': 'a', accept: 'text/html', referer: 'x' }, from: 1 },
      { headers: { 'user-agent': 'b', accept: 'image/png' }, from: 1 },
    ],
  },
];

const heads: Rule[] = [
  {
    section: 'RFC 9111, 4',
    title: 'a stored GET is served to HEAD: the same headers and no body',
    origin: withCacheControl('max-age=60', { etag: '"1"', 'x-name': 'stored' }),
    steps: [
      { from: 1 },
      {
        method: 'HEAD',
        at: 5,
        from: 1,
        text: '',
        has: { 'content-length': '8', etag: '"1"', 'x-name': 'stored', age: '5' },
      },
      { from: 1 },
    ],
  },
  {
    section: 'RFC 9111, 4',
    title: 'a stale GET is not served to HEAD',
    origin: minute,
    steps: [{ from: 1 }, { at: 61, method: 'HEAD', from: 2 }],
  },
  {
    section: 'RFC 9110, 9.3.2',
    title: 'HEAD selects the matching variant',
    origin: withCacheControl('max-age=60', { vary: 'Accept-Language' }),
    steps: [
      { headers: german, from: 1 },
      { method: 'HEAD', headers: german, from: 1 },
      { method: 'HEAD', headers: english, from: 2 },
    ],
  },
  {
    section: 'RFC 9110, 9.3.2',
    title: 'HEAD with credentials is served no response that was stored without',
    origin: minute,
    steps: [{ from: 1 }, { method: 'HEAD', headers: { authorization: 'Bearer 1' }, from: 2 }],
  },
];

/** Requests whose own directives are advice, which an origin's own cache need not take. */
const requests: Rule[] = [
  ...[
    'no-cache',
    'no-store',
    'max-age=0',
    'max-age=5',
    'min-fresh=1000',
    'only-if-cached',
    'no-transform',
  ].map(
    (value): Rule => ({
      section: 'RFC 9111, 5.2.1',
      title: `Cache-Control: ${value} of a request is ignored, so that no client can bypass the cache`,
      origin: minute,
      steps: [{ from: 1 }, { at: 10, headers: { 'cache-control': value }, from: 1 }],
    }),
  ),
  {
    section: 'RFC 9111, 5.2.1.7',
    title: 'only-if-cached is not forwarded to the origin',
    origin: minute,
    steps: [{ headers: { 'cache-control': 'only-if-cached' }, status: 504, calls: 0 }, { from: 1 }],
  },
  {
    section: 'RFC 9111, 5.2.1.5',
    title: 'the response to a request with no-store is not stored',
    origin: minute,
    steps: [{ headers: { 'cache-control': 'no-store' }, from: 1 }, { from: 2 }, { from: 2 }],
  },
  {
    section: 'RFC 9111, 5.2.1.2',
    title: 'max-stale of a request does not extend a lifetime',
    origin: minute,
    steps: [{ from: 1 }, { at: 61, headers: { 'cache-control': 'max-stale' }, from: 2 }],
  },
  {
    section: 'RFC 5861, 4',
    title: 'stale-if-error of a request does not extend a lifetime',
    origin: [minute, { status: 500 }],
    steps: [
      { from: 1 },
      { at: 61, headers: { 'cache-control': 'stale-if-error=100' }, from: 2, status: 500 },
    ],
  },
  {
    section: 'RFC 9111, 5.4',
    title: 'Pragma: no-cache of a request is ignored as well',
    origin: minute,
    steps: [{ from: 1 }, { headers: { pragma: 'no-cache' }, from: 1 }],
  },
  {
    section: 'RFC 9110, 10.1.1',
    title: 'the request after a hit is a hit',
    origin: minute,
    steps: [...hits, ...hits],
  },
];

export const selecting: readonly Rule[] = [...vary, ...keys, ...heads, ...requests];
