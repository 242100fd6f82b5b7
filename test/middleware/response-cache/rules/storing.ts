import { httpDate, kept, notKept, type Rule, says } from './rule.js';

const minute = 'max-age=60';

const methods: Rule[] = [
  { section: 'RFC 9111, 3', title: 'a GET with a lifetime is kept', origin: says(minute), asks: kept },
  {
    section: 'RFC 9111, 3',
    title: 'an answer that says nothing is not kept: no heuristics by default',
    origin: {},
    asks: notKept,
  },
  {
    section: 'RFC 9111, 4.2.2',
    title: 'nor is one with a Last-Modified alone',
    origin: { headers: { 'last-modified': httpDate(-86_400) } },
    asks: notKept,
  },
  ...['POST', 'PUT', 'DELETE', 'PATCH', 'OPTIONS', 'PROPFIND'].map(
    (method): Rule => ({
      section: 'RFC 9111, 3',
      title: `the answer to ${method} answers no GET`,
      origin: says(minute),
      asks: [
        { method, from: 1 },
        { at: 1, from: 2 },
        { at: 2, method, from: 3 },
      ],
    }),
  ),
  {
    section: 'RFC 9110, 9.3.2',
    title: 'the answer to a HEAD answers no GET',
    origin: says(minute),
    asks: [{ method: 'HEAD', from: 1 }, { from: 2 }],
  },
  {
    section: 'RFC 9111, 4',
    title: 'a kept GET answers no POST, no PUT, no DELETE',
    origin: says(minute),
    asks: [
      { from: 1 },
      { method: 'POST', from: 2 },
      { method: 'PUT', from: 3 },
      { method: 'DELETE', from: 4 },
    ],
  },
  {
    section: 'RFC 9111, 4',
    title: 'nor OPTIONS',
    origin: says(minute),
    asks: [{ from: 1 }, { method: 'OPTIONS', from: 2 }, { from: 1, calls: 2 }],
  },
];

const statuses: Rule[] = [
  ...[200, 203, 204, 300, 301, 308, 404, 410].map(
    (status): Rule => ({
      section: 'RFC 9110, 15.1',
      title: `${status} with a lifetime is kept`,
      origin: { ...says(minute, { location: '/elsewhere' }), status, body: status === 204 ? '' : 'body' },
      asks: [
        { from: 1, status },
        { at: 1, from: 1, status, has: { location: '/elsewhere' } },
      ],
    }),
  ),
  ...[400, 401, 403, 407, 408, 409, 413, 418, 421, 425, 429, 431, 500, 502, 503, 504, 507].map(
    (status): Rule => ({
      section: 'RFC 9111, 3',
      title: `${status} is not kept, whatever it says`,
      origin: { ...says('public, max-age=60'), status },
      asks: [
        { from: 1, status },
        { at: 1, from: 2, status },
      ],
    }),
  ),
  ...[299, 499, 599].map(
    (status): Rule => ({
      section: 'RFC 9111, 5.2.2.3',
      title: `${status} that must be understood is not kept`,
      origin: { ...says('must-understand, max-age=60'), status },
      asks: [
        { from: 1, status },
        { at: 1, from: 2, status },
      ],
    }),
  ),
  {
    section: 'RFC 9111, 5.2.2.3',
    title: '200 that must be understood is kept',
    origin: says('must-understand, max-age=60'),
    asks: kept,
  },
  {
    section: 'RFC 9111, 5.2.2.3',
    title: 'no-store beside must-understand is obeyed by a cache that does without must-understand',
    origin: says('must-understand, no-store, max-age=60'),
    asks: notKept,
  },
  {
    section: 'RFC 9111, 3.3',
    title: '206 is not kept, and answers no request for the whole',
    origin: (req) =>
      req.headers.range
        ? { ...says(minute, { 'content-range': 'bytes 0-3/10' }), status: 206, body: 'whol' }
        : { ...says(minute), body: 'whole body' },
    asks: [
      { headers: { range: 'bytes=0-3' }, from: 1, status: 206, text: 'whol' },
      { from: 2, text: 'whole body' },
    ],
  },
  {
    section: 'RFC 9110, 14.4',
    title: 'a 206 nobody asked for is not kept',
    origin: { ...says(minute, { 'content-range': 'bytes 0-3/10' }), status: 206, body: 'whol' },
    asks: [
      { from: 1, status: 206 },
      { from: 2, status: 206 },
    ],
  },
  {
    section: 'RFC 9111, 3.3',
    title: 'an answer that broke off is not kept',
    origin: [{ ...says(minute), by: 'cut' }, says(minute)],
    asks: [{ from: 1, text: 'answ', check: ({ cut }) => expect(cut).toBe(true) }, { from: 2 }, { from: 2 }],
  },
];

const alice = { authorization: 'Bearer alice' };
const bob = { authorization: 'Bearer bob' };

const users: Rule[] = [
  {
    section: 'RFC 9111, 3.5',
    title: 'an answer to Authorization is not kept on the strength of max-age',
    origin: says(minute),
    asks: [{ headers: alice, from: 1 }, { headers: alice, from: 2 }, { headers: bob, from: 3 }, { from: 4 }],
  },
  ...['public, max-age=60', 's-maxage=60', 'public, s-maxage=60'].map(
    (value): Rule => ({
      section: 'RFC 9111, 3.5',
      title: `an answer to Authorization is kept when it says ${value}`,
      origin: says(value),
      asks: [{ headers: alice, from: 1 }, { headers: bob, from: 1 }, { from: 1 }],
    }),
  ),
  {
    section: 'RFC 9111, 3.5',
    title: 'an answer to Authorization that is private is not kept',
    origin: says('private, s-maxage=60, max-age=60'),
    asks: [
      { headers: alice, from: 1 },
      { headers: alice, from: 2 },
    ],
  },
  {
    section: 'RFC 9111, 3.5',
    title: 'what was kept for anybody does not answer Authorization unless it is public',
    origin: says(minute),
    asks: [{ from: 1 }, { headers: alice, from: 2 }, { from: 1, calls: 2 }],
  },
  {
    section: 'RFC 9111, 3.5',
    title: 'an empty Authorization is one too',
    origin: says(minute),
    asks: [
      { headers: { authorization: '' }, from: 1 },
      { headers: { authorization: '' }, from: 2 },
    ],
  },
  {
    section: 'RFC 9110, 11.7.2',
    title: 'Proxy-Authorization that comes as far as here tells who asks, too',
    origin: says(minute),
    asks: [{ headers: { 'proxy-authorization': 'Basic eDp5' }, from: 1 }, { from: 2 }, { from: 2 }],
  },
  {
    section: 'RFC 9111, 7.3',
    title: 'an answer to a Cookie is not kept on the strength of max-age',
    origin: says(minute),
    asks: [
      { headers: { cookie: 'sid=1' }, from: 1 },
      { headers: { cookie: 'sid=2' }, from: 2 },
      { from: 3 },
      { from: 3 },
      { headers: { cookie: 'sid=1' }, from: 4 },
    ],
  },
  {
    section: 'RFC 9111, 5.2.2.9',
    title: 'an answer to a Cookie is kept when it is public',
    origin: says('public, max-age=60'),
    asks: [{ headers: { cookie: 'sid=1' }, from: 1 }, { headers: { cookie: 'sid=2' }, from: 1 }, { from: 1 }],
  },
  ...[minute, 'public, max-age=60', 's-maxage=60'].map(
    (value): Rule => ({
      section: 'RFC 9111, 7.3',
      title: `an answer that sets a cookie is never kept: ${value}`,
      origin: says(value, { 'set-cookie': ['sid=1', 'theme=dark'] }),
      asks: [
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
      title: `${JSON.stringify(value)} is not kept`,
      origin: says(value),
      asks: notKept,
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
      title: `${JSON.stringify(value)} is not kept by a shared cache`,
      origin: says(value, { 'x-name': 'alice' }),
      asks: notKept,
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
      title: `${JSON.stringify(value)} is not reused without asking`,
      origin: says(value, { 'x-name': 'alice' }),
      asks: notKept,
    }),
  ),
  {
    section: 'RFC 9111, 5.2',
    title: 'a second Cache-Control line counts as much as the first',
    origin: says([minute, 'no-store']),
    asks: notKept,
  },
  {
    section: 'RFC 9110, 5.3',
    title: 'the lifetime may stand on the second line',
    origin: says(['public', minute]),
    asks: kept,
  },
  {
    section: 'RFC 9111, 5.4',
    title: 'Pragma in an answer has no meaning',
    origin: says(minute, { pragma: 'no-cache' }),
    asks: kept,
  },
  {
    section: 'RFC 9213, 2.1',
    title: 'CDN-Cache-Control is for CDNs: it gives no lifetime here',
    origin: { headers: { 'cdn-cache-control': minute } },
    asks: notKept,
  },
  {
    section: 'RFC 9213, 2.1',
    title: 'CDN-Cache-Control does not overrule no-store here',
    origin: says('no-store', { 'cdn-cache-control': minute }),
    asks: notKept,
  },
  {
    section: 'RFC 9111, 5.2.3',
    title: 'unknown directives are passed over',
    origin: says('community="UCI", max-age=60, x, y=1'),
    asks: kept,
  },
  {
    section: 'RFC 9111, 5.2.2.9',
    title: 'public alone gives no lifetime',
    origin: says('public'),
    asks: notKept,
  },
  {
    section: 'RFC 8246, 2',
    title: 'immutable alone gives no lifetime',
    origin: says('immutable'),
    asks: notKept,
  },
  {
    section: 'RFC 8246, 2',
    title: 'immutable ends with the lifetime',
    origin: says('max-age=60, immutable'),
    asks: [{ from: 1 }, { at: 59, from: 1 }, { at: 61, from: 2 }],
  },
];

const headers: Rule[] = [
  {
    section: 'RFC 9111, 3.1',
    title: 'headers of the connection are not kept, nor those that Connection names',
    origin: says(minute, {
      connection: 'x-hop',
      'x-hop': 'only here',
      'keep-alive': 'timeout=99',
      'proxy-authenticate': 'Basic',
      'proxy-authentication-info': 'x',
      upgrade: 'h2c',
      te: 'trailers',
      'x-end': 'to end',
    }),
    asks: [
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
    title: 'all other headers are kept as they were, those not known included',
    origin: says(minute, {
      'content-type': 'text/css; charset=utf-8',
      'content-language': 'de',
      'content-disposition': 'inline',
      'X-Odd-CASE': 'kept',
      'x-empty': '',
      link: ['</a.css>; rel=preload', '</b.css>; rel=preload'],
      'strict-transport-security': 'max-age=1',
    }),
    asks: [1, 2].map(() => ({
      from: 1,
      has: {
        'content-type': 'text/css; charset=utf-8',
        'content-language': 'de',
        'content-disposition': 'inline',
        'x-odd-case': 'kept',
        'x-empty': '',
        link: '</a.css>; rel=preload, </b.css>; rel=preload',
        'strict-transport-security': 'max-age=1',
      },
    })),
  },
  ...(['send', 'writeHead', 'pieces'] as const).map(
    (by): Rule => ({
      section: 'RFC 9110, 8.6',
      title: `a hit has the bytes and the length of an answer by ${by}`,
      origin: { ...says(minute), by, body: 'smörgåsbord '.repeat(400) },
      asks: [{ from: 1 }, { at: 5, from: 1, has: { 'content-length': String(14 * 400), age: '5' } }],
    }),
  ),
  {
    section: 'RFC 9110, 8.4',
    title: 'an encoding of the route itself is kept with its bytes',
    origin: { ...says(minute, { 'content-encoding': 'x-rot13', vary: 'Accept-Encoding' }), body: 'uryyb' },
    asks: [1, 2].map(() => ({ from: 1, text: 'uryyb', has: { 'content-encoding': 'x-rot13' } })),
  },
  {
    section: 'RFC 9111, 4',
    title: 'an empty body is kept, too',
    origin: { ...says(minute), body: '' },
    asks: [{ from: 1 }, { from: 1, has: { 'content-length': '0' } }],
  },
];

export const storing: readonly Rule[] = [...methods, ...statuses, ...users, ...obeyed, ...headers];
