import { hits, httpDate, misses, type Rule, withCacheControl } from './rule.js';

const minute = 'max-age=60';

const methods: Rule[] = [
  {
    section: 'RFC 9111, 3',
    title: 'the response to a GET with a lifetime is stored',
    origin: withCacheControl(minute),
    steps: hits,
  },
  {
    section: 'RFC 9111, 3',
    title: 'a response without a lifetime is not stored: there is no heuristic by default',
    origin: {},
    steps: misses,
  },
  {
    section: 'RFC 9111, 4.2.2',
    title: 'a response with only a Last-Modified is not stored',
    origin: { headers: { 'last-modified': httpDate(-86_400) } },
    steps: misses,
  },
  ...['POST', 'PUT', 'DELETE', 'PATCH', 'OPTIONS', 'PROPFIND'].map(
    (method): Rule => ({
      section: 'RFC 9111, 3',
      title: `the response to ${method} is not served to GET`,
      origin: withCacheControl(minute),
      steps: [
        { method, from: 1 },
        { at: 1, from: 2 },
        { at: 2, method, from: 3 },
      ],
    }),
  ),
  {
    section: 'RFC 9110, 9.3.2',
    title: 'the response to HEAD is not served to GET',
    origin: withCacheControl(minute),
    steps: [{ method: 'HEAD', from: 1 }, { from: 2 }],
  },
  {
    section: 'RFC 9111, 4',
    title: 'a stored GET is not served to POST, PUT and DELETE',
    origin: withCacheControl(minute),
    steps: [
      { from: 1 },
      { method: 'POST', from: 2 },
      { method: 'PUT', from: 3 },
      { method: 'DELETE', from: 4 },
    ],
  },
  {
    section: 'RFC 9111, 4',
    title: 'a stored GET is not served to OPTIONS',
    origin: withCacheControl(minute),
    steps: [{ from: 1 }, { method: 'OPTIONS', from: 2 }, { from: 1, calls: 2 }],
  },
];

const statuses: Rule[] = [
  ...[200, 203, 204, 300, 301, 308, 404, 410].map(
    (status): Rule => ({
      section: 'RFC 9110, 15.1',
      title: `${status} with a lifetime is stored`,
      origin: {
        ...withCacheControl(minute, { location: '/elsewhere' }),
        status,
        body: status === 204 ? '' : 'body',
      },
      steps: [
        { from: 1, status },
        { at: 1, from: 1, status, has: { location: '/elsewhere' } },
      ],
    }),
  ),
  ...[400, 401, 403, 407, 408, 409, 413, 418, 421, 425, 429, 431, 500, 502, 503, 504, 507].map(
    (status): Rule => ({
      section: 'RFC 9111, 3',
      title: `${status} is not stored, whatever its headers are`,
      origin: { ...withCacheControl('public, max-age=60'), status },
      steps: [
        { from: 1, status },
        { at: 1, from: 2, status },
      ],
    }),
  ),
  ...[299, 499, 599].map(
    (status): Rule => ({
      section: 'RFC 9111, 5.2.2.3',
      title: `${status} with must-understand is not stored`,
      origin: { ...withCacheControl('must-understand, max-age=60'), status },
      steps: [
        { from: 1, status },
        { at: 1, from: 2, status },
      ],
    }),
  ),
  {
    section: 'RFC 9111, 5.2.2.3',
    title: '200 with must-understand is stored',
    origin: withCacheControl('must-understand, max-age=60'),
    steps: hits,
  },
  {
    section: 'RFC 9111, 5.2.2.3',
    title: 'no-store with must-understand is obeyed by a cache that does not support must-understand',
    origin: withCacheControl('must-understand, no-store, max-age=60'),
    steps: misses,
  },
  {
    section: 'RFC 9111, 3.3',
    title: '206 is not stored, and is not served to a request for the whole',
    origin: (req) =>
      req.headers.range
        ? { ...withCacheControl(minute, { 'content-range': 'bytes 0-3/10' }), status: 206, body: 'whol' }
        : { ...withCacheControl(minute), body: 'whole body' },
    steps: [
      { headers: { range: 'bytes=0-3' }, from: 1, status: 206, text: 'whol' },
      { from: 2, text: 'whole body' },
    ],
  },
  {
    section: 'RFC 9110, 14.4',
    title: 'a 206 without a Range in the request is not stored',
    origin: { ...withCacheControl(minute, { 'content-range': 'bytes 0-3/10' }), status: 206, body: 'whol' },
    steps: [
      { from: 1, status: 206 },
      { from: 2, status: 206 },
    ],
  },
  {
    section: 'RFC 9111, 3.3',
    title: 'an incomplete response is not stored',
    origin: [{ ...withCacheControl(minute), by: 'cut' }, withCacheControl(minute)],
    steps: [{ from: 1, text: 'resu', check: ({ cut }) => expect(cut).toBe(true) }, { from: 2 }, { from: 2 }],
  },
];

const alice = { authorization: 'Bearer alice' };
const bob = { authorization: 'Bearer bob' };

const users: Rule[] = [
  {
    section: 'RFC 9111, 3.5',
    title: 'the response to a request with Authorization is not stored because of max-age alone',
    origin: withCacheControl(minute),
    steps: [{ headers: alice, from: 1 }, { headers: alice, from: 2 }, { headers: bob, from: 3 }, { from: 4 }],
  },
  ...['public, max-age=60', 's-maxage=60', 'public, s-maxage=60'].map(
    (value): Rule => ({
      section: 'RFC 9111, 3.5',
      title: `the response to a request with Authorization is stored with ${value}`,
      origin: withCacheControl(value),
      steps: [{ headers: alice, from: 1 }, { headers: bob, from: 1 }, { from: 1 }],
    }),
  ),
  {
    section: 'RFC 9111, 3.5',
    title: 'a private response to a request with Authorization is not stored',
    origin: withCacheControl('private, s-maxage=60, max-age=60'),
    steps: [
      { headers: alice, from: 1 },
      { headers: alice, from: 2 },
    ],
  },
  {
    section: 'RFC 9111, 3.5',
    title: 'a stored response is served to a request with Authorization only if it is public',
    origin: withCacheControl(minute),
    steps: [{ from: 1 }, { headers: alice, from: 2 }, { from: 1, calls: 2 }],
  },
  {
    section: 'RFC 9111, 3.5',
    title: 'an empty Authorization has the same effect',
    origin: withCacheControl(minute),
    steps: [
      { headers: { authorization: '' }, from: 1 },
      { headers: { authorization: '' }, from: 2 },
    ],
  },
  {
    section: 'RFC 9110, 11.7.2',
    title: 'Proxy-Authorization has the same effect',
    origin: withCacheControl(minute),
    steps: [{ headers: { 'proxy-authorization': 'Basic eDp5' }, from: 1 }, { from: 2 }, { from: 2 }],
  },
  {
    section: 'RFC 9111, 7.3',
    title: 'the response to a request with a Cookie is not stored because of max-age alone',
    origin: withCacheControl(minute),
    steps: [
      { headers: { cookie: 'sid=1' }, from: 1 },
      { headers: { cookie: 'sid=2' }, from: 2 },
      { from: 3 },
      { from: 3 },
      { headers: { cookie: 'sid=1' }, from: 4 },
    ],
  },
  {
    section: 'RFC 9111, 5.2.2.9',
    title: 'the response to a request with a Cookie is stored if it is public',
    origin: withCacheControl('public, max-age=60'),
    steps: [
      { headers: { cookie: 'sid=1' }, from: 1 },
      { headers: { cookie: 'sid=2' }, from: 1 },
      { from: 1 },
    ],
  },
  ...[minute, 'public, max-age=60', 's-maxage=60'].map(
    (value): Rule => ({
      section: 'RFC 9111, 7.3',
      title: `a response that sets a cookie is never stored: ${value}`,
      origin: withCacheControl(value, { 'set-cookie': ['sid=1', 'theme=dark'] }),
      steps: [
        { from: 1, has: { 'set-cookie': 'sid=1,theme=dark' } },
        { from: 2, has: { 'set-cookie': 'sid=1,theme=dark' } },
      ],
    }),
  ),
];

const obeyed: Rule[] = [
  ...[
    'no-store',
    'no-store, max-age=60',
    'max-age=60, no-store',
    'public, max-age=60, No-Store',
    'max-age=60,\tNO-STORE',
    'max-age=60 , no-store',
    'x="a,b", no-store, max-age=60',
    'x="a\\"b", no-store, max-age=60',
    'no-store=1, max-age=60',
    'no-store="x", max-age=60',
    'max-age=60; no-store',
    'max-age=60 no-store',
  ].map(
    (value): Rule => ({
      section: 'RFC 9111, 5.2.2.5',
      title: `${JSON.stringify(value)} is not stored`,
      origin: withCacheControl(value),
      steps: misses,
    }),
  ),
  ...[
    'private',
    'private, max-age=60',
    'max-age=60, Private',
    'public, private, max-age=60',
    's-maxage=60, private',
    'private="x-name", max-age=60',
    'private=x-name, max-age=60',
    'max-age=60, private="x-a, x-b"',
    'max-age=60; private',
    'max-age=60 private',
  ].map(
    (value): Rule => ({
      section: 'RFC 9111, 5.2.2.7',
      title: `${JSON.stringify(value)} is not stored by a shared cache`,
      origin: withCacheControl(value, { 'x-name': 'alice' }),
      steps: misses,
    }),
  ),
  ...[
    'no-cache',
    'no-cache, max-age=60',
    'max-age=60, No-Cache',
    'no-cache="x-name", max-age=60',
    'no-cache=x-name, max-age=60',
    'public, no-cache, s-maxage=60',
  ].map(
    (value): Rule => ({
      section: 'RFC 9111, 5.2.2.4',
      title: `${JSON.stringify(value)} is not reused without revalidation`,
      origin: withCacheControl(value, { 'x-name': 'alice' }),
      steps: misses,
    }),
  ),
  {
    section: 'RFC 9111, 5.2',
    title: 'a second Cache-Control line has the same effect as the first',
    origin: withCacheControl([minute, 'no-store']),
    steps: misses,
  },
  {
    section: 'RFC 9110, 5.3',
    title: 'the lifetime may be on the second line',
    origin: withCacheControl(['public', minute]),
    steps: hits,
  },
  {
    section: 'RFC 9111, 5.4',
    title: 'Pragma in a response has no effect',
    origin: withCacheControl(minute, { pragma: 'no-cache' }),
    steps: hits,
  },
  {
    section: 'RFC 9213, 2.1',
    title: 'CDN-Cache-Control is for CDNs, and is no lifetime here',
    origin: { headers: { 'cdn-cache-control': minute } },
    steps: misses,
  },
  {
    section: 'RFC 9213, 2.1',
    title: 'CDN-Cache-Control does not overrule no-store here',
    origin: withCacheControl('no-store', { 'cdn-cache-control': minute }),
    steps: misses,
  },
  {
    section: 'RFC 9111, 5.2.3',
    title: 'unknown directives are ignored',
    origin: withCacheControl('community="UCI", max-age=60, x, y=1'),
    steps: hits,
  },
  {
    section: 'RFC 9111, 5.2.2.9',
    title: 'public alone is no lifetime',
    origin: withCacheControl('public'),
    steps: misses,
  },
  {
    section: 'RFC 8246, 2',
    title: 'immutable alone is no lifetime',
    origin: withCacheControl('immutable'),
    steps: misses,
  },
  {
    section: 'RFC 8246, 2',
    title: 'immutable ends with the lifetime',
    origin: withCacheControl('max-age=60, immutable'),
    steps: [{ from: 1 }, { at: 59, from: 1 }, { at: 61, from: 2 }],
  },
];

const headers: Rule[] = [
  {
    section: 'RFC 9111, 3.1',
    title: 'headers of the connection are not stored, nor those that Connection names',
    origin: withCacheControl(minute, {
      connection: 'x-hop',
      'x-hop': 'only here',
      'keep-alive': 'timeout=99',
      'proxy-authenticate': 'Basic',
      'proxy-authentication-info': 'x',
      upgrade: 'h2c',
      te: 'trailers',
      'x-end': 'to end',
    }),
    steps: [
      { from: 1 },
      {
        from: 1,
        has: {
          'x-hop': undefined,
          'proxy-authenticate': undefined,
          'proxy-authentication-info': undefined,
          upgrade: undefined,
          te: undefined,
          'x-end': 'to end',
        },
        check: ({ headers }) => {
          expect(headers['keep-alive']).not.toBe('timeout=99');
          expect(headers.connection).not.toContain('x-hop');
        },
      },
    ],
  },
  {
    section: 'RFC 9111, 3.1',
    title: 'all other headers are stored unchanged, also unknown ones',
    origin: withCacheControl(minute, {
      'content-type': 'text/css; charset=utf-8',
      'content-language': 'de',
      'content-disposition': 'inline',
      'X-Odd-CASE': 'stored',
      'x-empty': '',
      link: ['</a.css>; rel=preload', '</b.css>; rel=preload'],
      'strict-transport-security': 'max-age=1',
    }),
    steps: [1, 2].map(() => ({
      from: 1,
      has: {
        'content-type': 'text/css; charset=utf-8',
        'content-language': 'de',
        'content-disposition': 'inline',
        'x-odd-case': 'stored',
        'x-empty': '',
        link: '</a.css>; rel=preload, </b.css>; rel=preload',
        'strict-transport-security': 'max-age=1',
      },
    })),
  },
  ...(['send', 'writeHead', 'pieces'] as const).map(
    (by): Rule => ({
      section: 'RFC 9110, 8.6',
      title: `a hit has the bytes and the length of a response by ${by}`,
      origin: { ...withCacheControl(minute), by, body: 'smörgåsbord '.repeat(400) },
      steps: [{ from: 1 }, { at: 5, from: 1, has: { 'content-length': String(14 * 400), age: '5' } }],
    }),
  ),
  {
    section: 'RFC 9110, 8.4',
    title: 'a response that the route itself has encoded is stored with its bytes',
    origin: {
      ...withCacheControl(minute, { 'content-encoding': 'x-rot13', vary: 'Accept-Encoding' }),
      body: 'uryyb',
    },
    steps: [1, 2].map(() => ({ from: 1, text: 'uryyb', has: { 'content-encoding': 'x-rot13' } })),
  },
  {
    section: 'RFC 9111, 4',
    title: 'an empty body is stored, too',
    origin: { ...withCacheControl(minute), body: '' },
    steps: [{ from: 1 }, { from: 1, has: { 'content-length': '0' } }],
  },
];

export const storing: readonly Rule[] = [...methods, ...statuses, ...users, ...obeyed, ...headers];
