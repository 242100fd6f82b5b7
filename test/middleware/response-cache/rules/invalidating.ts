import { type Origin, type Rule, withCacheControl } from './rule.js';

/** The response to GET has a long lifetime, and requests with other methods receive the given response. */
const long = withCacheControl('max-age=1000');

function onWrite(response: Origin): Rule['origin'] {
  return (req) => (req.method === 'GET' ? long : response);
}

const unsafe = ['POST', 'PUT', 'DELETE', 'PATCH', 'MKCOL', 'PROPPATCH'];
const safe = ['HEAD', 'OPTIONS', 'TRACE', 'PROPFIND', 'REPORT', 'SEARCH'];

export const invalidating: readonly Rule[] = [
  ...unsafe.map(
    (method): Rule => ({
      section: 'RFC 9111, 4.4',
      title: `a successful ${method} removes the stored response of its URL`,
      origin: onWrite({}),
      steps: [
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
      title: `${method} is safe and removes no response`,
      origin: onWrite({}),
      steps: [
        { from: 1 },
        method === 'HEAD' ? { method, from: 1 } : { method, from: 2, calls: 2 },
        { from: 1, calls: method === 'HEAD' ? 1 : 2 },
      ],
    }),
  ),
  ...[200, 201, 202, 204, 205, 301, 302, 303, 307, 308].map(
    (status): Rule => ({
      section: 'RFC 9111, 4.4',
      title: `a POST with status ${status} removes the stored response`,
      origin: onWrite({ status, body: '' }),
      steps: [{ from: 1 }, { method: 'POST', from: 2, status }, { from: 3 }],
    }),
  ),
  ...[400, 401, 403, 404, 409, 422, 500, 503].map(
    (status): Rule => ({
      section: 'RFC 9111, 4.4',
      title: `a POST with status ${status} removes no response`,
      origin: onWrite({ status }),
      steps: [{ from: 1 }, { method: 'POST', from: 2, status }, { from: 1, calls: 2 }],
    }),
  ),
  {
    section: 'RFC 9111, 4.4',
    title: 'a POST whose handler throws removes no response',
    origin: onWrite({ by: 'throw' }),
    steps: [{ from: 1 }, { method: 'POST', calls: 2, status: 500 }, { from: 1, calls: 2 }],
  },
  {
    section: 'RFC 9111, 4.4',
    title: 'all variants of the URL are removed',
    origin: (req) => (req.method === 'GET' ? withCacheControl('max-age=1000', { vary: 'X-A' }) : {}),
    steps: [
      { headers: { 'x-a': '1' }, from: 1 },
      { headers: { 'x-a': '2' }, from: 2 },
      { method: 'POST', from: 3 },
      { headers: { 'x-a': '1' }, from: 4 },
      { headers: { 'x-a': '2' }, from: 5 },
    ],
  },
  {
    section: 'RFC 9111, 4.4',
    title: 'the responses of other URLs are not removed, nor those with another query',
    origin: onWrite({}),
    steps: [
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
    title: 'the response is removed on its own host only',
    origin: onWrite({}),
    steps: [
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
      title: `the response that a ${name} on another host names is not removed`,
      origin: onWrite({ status: 201, headers: { [name]: 'http://other.test{base}/made' } }),
      steps: [
        { path: '/made', headers: { host: 'other.test' }, from: 1 },
        { path: '/list', headers: { host: 'a.test' }, method: 'POST', from: 2, status: 201 },
        { path: '/made', headers: { host: 'other.test' }, from: 1, calls: 2 },
      ],
    },
    {
      section: 'RFC 9111, 4.4',
      title: `an invalid ${name} removes no other response and causes no error`,
      origin: onWrite({ status: 201, headers: { [name]: 'http://[:::%/made' } }),
      steps: [
        { path: '/made', from: 1 },
        { path: '/list', method: 'POST', from: 2, status: 201 },
        { path: '/made', from: 1, calls: 2 },
      ],
    },
  ]),
  {
    section: 'RFC 9111, 4.4',
    title: 'a POST with credentials removes the response for all clients',
    origin: onWrite({}),
    steps: [
      { from: 1 },
      { method: 'POST', headers: { authorization: 'Bearer 1', cookie: 'a=b' }, from: 2 },
      { from: 3 },
    ],
  },
  {
    section: 'RFC 9111, 4.4',
    title: 'a POST removes a stale response that might be served once more',
    origin: (req) =>
      req.method === 'GET' ? withCacheControl('max-age=10, stale-while-revalidate=1000') : {},
    steps: [{ from: 1 }, { at: 20, method: 'POST', from: 2 }, { at: 21, from: 3 }],
  },
];
