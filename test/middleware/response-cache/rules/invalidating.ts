import { type Origin, type Rule, says } from './rule.js';

/** GETs are kept for long; what else is asked gets the answer given. */
const long = says('max-age=1000');

function onWrite(answer: Origin): Rule['origin'] {
  return (req) => (req.method === 'GET' ? long : answer);
}

const unsafe = ['POST', 'PUT', 'DELETE', 'PATCH', 'MKCOL', 'PROPPATCH'];
const safe = ['HEAD', 'OPTIONS', 'TRACE', 'PROPFIND', 'REPORT', 'SEARCH'];

export const invalidating: readonly Rule[] = [
  ...unsafe.map(
    (method): Rule => ({
      section: 'RFC 9111, 4.4',
      title: `a successful ${method} ends what was kept for its URL`,
      origin: onWrite({}),
      asks: [
        { from: 1 },
        { at: 1, from: 1 },
        { at: 2, method, from: 2 },
        { at: 3, from: 3 },
        { at: 4, from: 3 },
      ],
    }),
  ),
  ...safe.map(
    (method): Rule => ({
      section: 'RFC 9111, 4.4',
      title: `${method} is safe and ends nothing`,
      origin: onWrite({}),
      asks: [
        { from: 1 },
        method === 'HEAD' ? { method, from: 1 } : { method, from: 2, calls: 2 },
        { from: 1, calls: method === 'HEAD' ? 1 : 2 },
      ],
    }),
  ),
  ...[200, 201, 202, 204, 205, 301, 302, 303, 307, 308].map(
    (status): Rule => ({
      section: 'RFC 9111, 4.4',
      title: `a POST that is answered ${status} ends what was kept`,
      origin: onWrite({ status, body: '' }),
      asks: [{ from: 1 }, { method: 'POST', from: 2, status }, { from: 3 }],
    }),
  ),
  ...[400, 401, 403, 404, 409, 422, 500, 503].map(
    (status): Rule => ({
      section: 'RFC 9111, 4.4',
      title: `a POST that is answered ${status} ends nothing`,
      origin: onWrite({ status }),
      asks: [{ from: 1 }, { method: 'POST', from: 2, status }, { from: 1, calls: 2 }],
    }),
  ),
  {
    section: 'RFC 9111, 4.4',
    title: 'a POST that throws ends nothing',
    origin: onWrite({ by: 'throw' }),
    asks: [{ from: 1 }, { method: 'POST', calls: 2, status: 500 }, { from: 1, calls: 2 }],
  },
  {
    section: 'RFC 9111, 4.4',
    title: 'all variants of the URL end',
    origin: (req) => (req.method === 'GET' ? says('max-age=1000', { vary: 'X-A' }) : {}),
    asks: [
      { headers: { 'x-a': '1' }, from: 1 },
      { headers: { 'x-a': '2' }, from: 2 },
      { method: 'POST', from: 3 },
      { headers: { 'x-a': '1' }, from: 4 },
      { headers: { 'x-a': '2' }, from: 5 },
    ],
  },
  {
    section: 'RFC 9111, 4.4',
    title: 'other URLs stay, another query included',
    origin: onWrite({}),
    asks: [
      { path: '/a', from: 1 },
      { path: '/a?q=1', from: 2 },
      { path: '/ab', from: 3 },
      { path: '/a', method: 'POST', from: 4 },
      { path: '/a?q=1', from: 2, calls: 4 },
      { path: '/ab', from: 3, calls: 4 },
      { path: '/a', from: 5 },
    ],
  },
  {
    section: 'RFC 9111, 4.4',
    title: 'the URL ends on its own host alone',
    origin: onWrite({}),
    asks: [
      { headers: { host: 'a.test' }, from: 1 },
      { headers: { host: 'b.test' }, from: 2 },
      { headers: { host: 'a.test' }, method: 'POST', from: 3 },
      { headers: { host: 'b.test' }, from: 2, calls: 3 },
      { headers: { host: 'a.test' }, from: 4 },
    ],
  },
  ...(['location', 'content-location'] as const).flatMap((name): Rule[] => [
    {
      section: 'RFC 9111, 4.4',
      title: `what a ${name} on another host names stays`,
      origin: onWrite({ status: 201, headers: { [name]: 'http://other.test{base}/made' } }),
      asks: [
        { path: '/made', headers: { host: 'other.test' }, from: 1 },
        { path: '/list', headers: { host: 'a.test' }, method: 'POST', from: 2, status: 201 },
        { path: '/made', headers: { host: 'other.test' }, from: 1, calls: 2 },
      ],
    },
    {
      section: 'RFC 9111, 4.4',
      title: `a ${name} that is no URL ends nothing else and breaks nothing`,
      origin: onWrite({ status: 201, headers: { [name]: 'http://[:::%/made' } }),
      asks: [
        { path: '/made', from: 1 },
        { path: '/list', method: 'POST', from: 2, status: 201 },
        { path: '/made', from: 1, calls: 2 },
      ],
    },
  ]),
  {
    section: 'RFC 9111, 4.4',
    title: 'a POST by a user ends what was kept for all',
    origin: onWrite({}),
    asks: [
      { from: 1 },
      { method: 'POST', headers: { authorization: 'Bearer 1', cookie: 'a=b' }, from: 2 },
      { from: 3 },
    ],
  },
  {
    section: 'RFC 9111, 4.4',
    title: 'a POST ends what is stale and might be served once more',
    origin: (req) => (req.method === 'GET' ? says('max-age=10, stale-while-revalidate=1000') : {}),
    asks: [{ from: 1 }, { at: 20, method: 'POST', from: 2 }, { at: 21, from: 3 }],
  },
];
