import { type Ask, kept, type Rule, says } from './rule.js';

const german = { 'accept-language': 'de' };
const english = { 'accept-language': 'en' };
const byLanguage = says('max-age=60', { vary: 'Accept-Language' });
const never: readonly Ask[] = [
  { headers: german, from: 1 },
  { headers: german, from: 2 },
];

/** Which of the kept answers to a URL fits a request. */
const vary: Rule[] = [
  {
    section: 'RFC 9111, 4.1',
    title: 'the same value of a header that varies is a hit, another is not, and both are kept',
    origin: byLanguage,
    asks: [
      { headers: german, from: 1 },
      { headers: german, from: 1 },
      { headers: english, from: 2 },
      { headers: german, from: 1, calls: 2 },
      { headers: english, from: 2 },
    ],
  },
  {
    section: 'RFC 9111, 4.1',
    title: 'a header that is missing matches one that is missing alone',
    origin: byLanguage,
    asks: [{ from: 1 }, { from: 1 }, { headers: german, from: 2 }, { from: 1, calls: 2 }],
  },
  {
    section: 'RFC 9111, 4.1',
    title: 'each header that varies counts',
    origin: says('max-age=60', { vary: 'X-A, X-B' }),
    asks: [
      { headers: { 'x-a': '1', 'x-b': '1' }, from: 1 },
      { headers: { 'x-a': '1', 'x-b': '2' }, from: 2 },
      { headers: { 'x-a': '2', 'x-b': '1' }, from: 3 },
      { headers: { 'x-a': '1' }, from: 4 },
      { headers: { 'x-a': '1', 'x-b': '1', 'x-c': '1' }, from: 1, calls: 4 },
    ],
  },
  {
    section: 'RFC 9110, 5.1',
    title: 'the case of the names does not count',
    origin: says('max-age=60', { vary: 'ACCEPT-language' }),
    asks: [
      { headers: german, from: 1 },
      { headers: { 'Accept-Language': 'de' }, from: 1 },
      { headers: english, from: 2 },
    ],
  },
  {
    section: 'RFC 9110, 12.5.5',
    title: 'the case of the values does',
    origin: says('max-age=60', { vary: 'X-A' }),
    asks: [
      { headers: { 'x-a': 'one' }, from: 1 },
      { headers: { 'x-a': 'ONE' }, from: 2 },
    ],
  },
  {
    section: 'RFC 9111, 4.1',
    title: 'what is known of Accept-Language is not known of a header whose name begins like it',
    origin: says('max-age=60', { vary: 'Accept-Tenant' }),
    asks: [
      { headers: { 'accept-tenant': 'acme' }, from: 1 },
      { headers: { 'accept-tenant': 'Acme' }, from: 2 },
      { headers: { 'accept-tenant': 'a, b' }, from: 3 },
      { headers: { 'accept-tenant': 'a,b' }, from: 4 },
    ],
  },
  {
    section: 'RFC 9110, 5.3',
    title: 'two lines of Vary are one list',
    origin: says('max-age=60', { vary: ['X-A', 'X-B'] }),
    asks: [
      { headers: { 'x-a': '1', 'x-b': '1' }, from: 1 },
      { headers: { 'x-a': '1', 'x-b': '2' }, from: 2 },
      { headers: { 'x-a': '2', 'x-b': '1' }, from: 3 },
      { headers: { 'x-a': '1', 'x-b': '1' }, from: 1, calls: 3 },
    ],
  },
  {
    section: 'RFC 9110, 5.6.1',
    title: 'empty members and blanks of Vary do not count',
    origin: says('max-age=60', { vary: ' , x-a ,,' }),
    asks: [
      { headers: { 'x-a': '1' }, from: 1 },
      { headers: { 'x-a': '1' }, from: 1 },
      { headers: { 'x-a': '2' }, from: 2 },
    ],
  },
  ...['*', ' * ', 'Accept-Language, *', '*, Accept-Language'].map(
    (value): Rule => ({
      section: 'RFC 9111, 4.1',
      title: `Vary: ${JSON.stringify(value)} never matches`,
      origin: says('max-age=60', { vary: value }),
      asks: never,
    }),
  ),
  {
    section: 'RFC 9111, 4.1',
    title: 'nor does * on a second line',
    origin: says('max-age=60', { vary: ['Accept-Language', '*'] }),
    asks: never,
  },
  {
    section: 'RFC 9111, 4.1',
    title: 'values cannot be shifted from one header into the next',
    origin: says('max-age=60', { vary: 'X-A, X-B' }),
    asks: [
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
    title: 'an answer that varies by another header later still answers what fits it alone',
    origin: (req) => says('max-age=60', { vary: req.headers['x-b'] ? 'X-A, X-B' : 'X-A' }),
    asks: [
      { headers: { 'x-a': '1' }, from: 1 },
      { headers: { 'x-a': '2', 'x-b': '1' }, from: 2 },
      { headers: { 'x-a': '3', 'x-b': '2' }, from: 3 },
      { headers: { 'x-a': '2', 'x-b': '2' }, from: 4 },
      { headers: { 'x-a': '2', 'x-b': '1' }, from: 2, calls: 4 },
    ],
  },
  {
    section: 'RFC 9110, 12.5.5',
    title: 'a public answer by Cookie is kept for each cookie',
    origin: says('public, max-age=60', { vary: 'Cookie' }),
    asks: [
      { headers: { cookie: 'sid=1' }, from: 1 },
      { headers: { cookie: 'sid=2' }, from: 2 },
      { headers: { cookie: 'sid=1' }, from: 1, calls: 2 },
      { from: 3 },
    ],
  },
  {
    section: 'RFC 9110, 12.5.5',
    title: 'a public answer by Authorization is kept for each',
    origin: says('public, max-age=60', { vary: 'Authorization' }),
    asks: [
      { headers: { authorization: 'Bearer 1' }, from: 1 },
      { headers: { authorization: 'Bearer 2' }, from: 2 },
      { headers: { authorization: 'Bearer 1' }, from: 1, calls: 2 },
      { from: 3 },
    ],
  },
  {
    section: 'RFC 9110, 5.3',
    title: 'lines of one request header are one value',
    origin: says('max-age=60', { vary: 'X-A' }),
    asks: [
      { headers: { 'x-a': ['1', '2'] }, from: 1 },
      { headers: { 'x-a': '1, 2' }, from: 1 },
      { headers: { 'x-a': ['2', '1'] }, from: 2 },
    ],
  },
  {
    section: 'RFC 9111, 4.1',
    title: 'a hit says by what it varies',
    origin: byLanguage,
    asks: [1, 2].map(() => ({ headers: german, from: 1, has: { vary: /accept-language/i } })),
  },
  {
    section: 'RFC 9111, 4.1',
    title: 'one variant ends without the other',
    origin: (_req, call) => says(`max-age=${call === 1 ? 5 : 60}`, { vary: 'Accept-Language' }),
    asks: [
      { headers: german, from: 1 },
      { headers: english, from: 2 },
      { at: 6, headers: english, from: 2 },
      { at: 6, headers: german, from: 3 },
    ],
  },
];

const minute = says('max-age=60');

/** What makes two requests the same. */
const keys: Rule[] = [
  {
    section: 'RFC 9112, 3.2',
    title: 'a request target with a fragment is none, and what it is answered is not kept',
    origin: minute,
    asks: [
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
    asks: [
      { path: '?a=1', from: 1 },
      { path: '?a=2', from: 2 },
      { from: 3 },
      { path: '?a=1', from: 1, calls: 3 },
    ],
  },
  {
    section: 'RFC 9110, 4.2.3',
    title: 'the order of parameters of other names does not count',
    origin: minute,
    asks: [
      { path: '?a=1&b=2', from: 1 },
      { path: '?b=2&a=1', from: 1 },
    ],
  },
  {
    section: 'RFC 9110, 4.2.3',
    title: 'the order of parameters of one name does, and an app may see the last or the first',
    origin: minute,
    asks: [
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
      title: `${one} and ${other} are two`,
      origin: minute,
      asks: [
        { path: one, from: 1 },
        { path: other, from: 2 },
        { path: one, from: 1, calls: 2 },
      ],
    }),
  ),
  {
    section: 'RFC 9110, 7.2',
    title: 'each host has answers of its own',
    origin: minute,
    asks: [
      { headers: { host: 'a.test' }, from: 1 },
      { headers: { host: 'b.test' }, from: 2 },
      { headers: { host: 'a.test:8080' }, from: 3 },
      { headers: { host: 'a.test' }, from: 1, calls: 3 },
    ],
  },
  {
    section: 'RFC 9110, 4.2.3',
    title: 'the case of a host does not count',
    origin: minute,
    asks: [
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
      title: `${name} of a client that is not trusted changes neither key nor answer`,
      origin: minute,
      asks: [
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
      title: `what ${name} may have brought about is for nobody else`,
      origin: minute,
      asks: [{ headers: { [name]: value }, from: 1 }, { from: 2 }, { from: 2 }],
    }),
  ),
  {
    section: 'RFC 9111, 4',
    title: 'a body on a GET does not poison what others get',
    origin: (req) =>
      req.headers['content-length'] ? { ...says('max-age=60'), body: 'for the body' } : minute,
    asks: [{ headers: { 'content-length': '4' }, body: 'evil', from: 1 }, { from: 2 }],
  },
  {
    section: 'RFC 9110, 9.3.1',
    title: 'headers that the answer does not vary by do not count',
    origin: minute,
    asks: [
      { headers: { 'user-agent': 'a', accept: 'text/html', referer: 'x' }, from: 1 },
      { headers: { 'user-agent': 'b', accept: 'image/png' }, from: 1 },
    ],
  },
];

const heads: Rule[] = [
  {
    section: 'RFC 9111, 4',
    title: 'a kept GET answers HEAD: the same headers and no body',
    origin: says('max-age=60', { etag: '"1"', 'x-name': 'kept' }),
    asks: [
      { from: 1 },
      {
        method: 'HEAD',
        at: 5,
        from: 1,
        text: '',
        has: { 'content-length': '8', etag: '"1"', 'x-name': 'kept', age: '5' },
      },
      { from: 1 },
    ],
  },
  {
    section: 'RFC 9111, 4',
    title: 'a stale GET does not answer HEAD',
    origin: minute,
    asks: [{ from: 1 }, { at: 61, method: 'HEAD', from: 2 }],
  },
  {
    section: 'RFC 9110, 9.3.2',
    title: 'HEAD takes the variant that fits it',
    origin: says('max-age=60', { vary: 'Accept-Language' }),
    asks: [
      { headers: german, from: 1 },
      { method: 'HEAD', headers: german, from: 1 },
      { method: 'HEAD', headers: english, from: 2 },
    ],
  },
  {
    section: 'RFC 9110, 9.3.2',
    title: 'HEAD by a user is not answered by what was kept for anybody',
    origin: minute,
    asks: [{ from: 1 }, { method: 'HEAD', headers: { authorization: 'Bearer 1' }, from: 2 }],
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
      title: `Cache-Control: ${value} of a request is advice, and a client cannot ask past the cache`,
      origin: minute,
      asks: [{ from: 1 }, { at: 10, headers: { 'cache-control': value }, from: 1 }],
    }),
  ),
  {
    section: 'RFC 9111, 5.2.1.7',
    title: 'only-if-cached asks the origin for nothing',
    origin: minute,
    asks: [{ headers: { 'cache-control': 'only-if-cached' }, status: 504, calls: 0 }, { from: 1 }],
  },
  {
    section: 'RFC 9111, 5.2.1.5',
    title: 'no-store of a request keeps its answer from being kept',
    origin: minute,
    asks: [{ headers: { 'cache-control': 'no-store' }, from: 1 }, { from: 2 }, { from: 2 }],
  },
  {
    section: 'RFC 9111, 5.2.1.2',
    title: 'max-stale of a request does not stretch a lifetime',
    origin: minute,
    asks: [{ from: 1 }, { at: 61, headers: { 'cache-control': 'max-stale' }, from: 2 }],
  },
  {
    section: 'RFC 5861, 4',
    title: 'nor does stale-if-error of a request',
    origin: [minute, { status: 500 }],
    asks: [{ from: 1 }, { at: 61, headers: { 'cache-control': 'stale-if-error=100' }, from: 2, status: 500 }],
  },
  {
    section: 'RFC 9111, 5.4',
    title: 'Pragma: no-cache of a request is advice as well',
    origin: minute,
    asks: [{ from: 1 }, { headers: { pragma: 'no-cache' }, from: 1 }],
  },
  {
    section: 'RFC 9110, 10.1.1',
    title: 'what follows a hit is a hit',
    origin: minute,
    asks: [...kept, ...kept],
  },
];

export const selecting: readonly Rule[] = [...vary, ...keys, ...heads, ...requests];
