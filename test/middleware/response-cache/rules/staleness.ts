import { type Origin, type Rule, withCacheControl } from './rule.js';

const swr = withCacheControl('max-age=60, stale-while-revalidate=30');

const whileRevalidate: Rule[] = [
  {
    section: 'RFC 5861, 3',
    title: 'within stale-while-revalidate the stale response is sent immediately, and a fresh one later',
    origin: swr,
    steps: [
      { from: 1 },
      { at: 59, from: 1, calls: 1 },
      { at: 61, from: 1, calls: 2, has: { age: '61' } },
      { at: 62, from: 2, has: { age: '1' } },
      { at: 120, from: 2 },
    ],
  },
  {
    section: 'RFC 5861, 3',
    title: 'stale-while-revalidate includes its last second',
    origin: swr,
    steps: [{ from: 1 }, { at: 89, from: 1, calls: 2 }, { at: 90, from: 2 }],
  },
  {
    section: 'RFC 5861, 3',
    title: 'stale-while-revalidate ends after its last second',
    origin: swr,
    steps: [{ from: 1 }, { at: 91, from: 2 }, { at: 92, from: 2 }],
  },
  {
    section: 'RFC 5861, 3',
    title: 'stale responses are served to HEAD and conditional requests as well',
    origin: withCacheControl('max-age=60, stale-while-revalidate=30', { etag: '"one"' }),
    steps: [
      { from: 1 },
      { at: 70, headers: { 'if-none-match': '"one"' }, status: 304, calls: 2 },
      { at: 71, from: 2 },
      { at: 140, method: 'HEAD', from: 2, calls: 3 },
      { at: 141, from: 3 },
    ],
  },
  {
    section: 'RFC 5861, 3',
    title: 'a refresh has no conditions, so that a whole response is stored',
    origin: (req, call) =>
      req.headers['if-none-match'] || req.headers['if-modified-since'] || req.headers.range
        ? { status: 304, body: '' }
        : withCacheControl('max-age=60, stale-while-revalidate=30', { etag: `"${call}"` }),
    steps: [
      { from: 1 },
      { at: 70, headers: { 'if-none-match': '"1"' }, status: 304, calls: 2 },
      { at: 71, from: 2 },
    ],
  },
  {
    section: 'RFC 5861, 3',
    title: 'stale-while-revalidate begins after s-maxage, too, as in CDNs',
    origin: withCacheControl('s-maxage=60, stale-while-revalidate=30'),
    steps: [{ from: 1 }, { at: 70, from: 1, calls: 2 }, { at: 71, from: 2 }],
  },
  {
    section: 'RFC 5861, 3',
    title: 'stale-while-revalidate begins after Expires, too',
    origin: (_req, call) =>
      call === 1
        ? {
            headers: {
              expires: new Date(Date.UTC(2031, 0, 1, 12, 1)).toUTCString(),
              'cache-control': 'stale-while-revalidate=30',
            },
          }
        : swr,
    steps: [{ from: 1 }, { at: 70, from: 1, calls: 2 }, { at: 71, from: 2 }],
  },
  ...['0', '-1', 'x', ''].map(
    (seconds): Rule => ({
      section: 'RFC 5861, 3',
      title: `stale-while-revalidate=${seconds} has no effect`,
      origin: withCacheControl(`max-age=60, stale-while-revalidate=${seconds}`),
      steps: [{ from: 1 }, { at: 61, from: 2 }],
    }),
  ),
  ...['must-revalidate', 'Must-Revalidate', 'proxy-revalidate'].map(
    (directive): Rule => ({
      section: 'RFC 9111, 4.2.4',
      title: `${directive} forbids stale responses`,
      origin: withCacheControl(`max-age=60, stale-while-revalidate=30, ${directive}`),
      steps: [{ from: 1 }, { at: 59, from: 1 }, { at: 61, from: 2 }],
    }),
  ),
  {
    section: 'RFC 9111, 4.2.4',
    title: 'no-cache forbids stale responses',
    origin: withCacheControl('no-cache, max-age=60, stale-while-revalidate=30'),
    steps: [{ from: 1 }, { from: 2 }],
  },
  {
    section: 'RFC 5861, 3',
    title: 'each variant is refreshed separately',
    origin: withCacheControl('max-age=60, stale-while-revalidate=30', { vary: 'X-A' }),
    steps: [
      { headers: { 'x-a': '1' }, from: 1 },
      { headers: { 'x-a': '2' }, from: 2 },
      { at: 70, headers: { 'x-a': '1' }, from: 1, calls: 3 },
      { at: 71, headers: { 'x-a': '1' }, from: 3 },
      { at: 71, headers: { 'x-a': '2' }, from: 2, calls: 4 },
      { at: 72, headers: { 'x-a': '2' }, from: 4 },
    ],
  },
  {
    section: 'RFC 5861, 3',
    title: 'after a failed refresh the stale response is still served, and the refresh is tried again',
    origin: [swr, { status: 500 }, swr],
    steps: [{ from: 1 }, { at: 61, from: 1, calls: 2 }, { at: 89, from: 1, calls: 3 }, { at: 90, from: 3 }],
  },
  {
    section: 'RFC 9111, 4.2.4',
    title: 'without such a directive no stale response is served, not even instead of an error',
    origin: [withCacheControl('max-age=60'), { status: 500 }],
    steps: [{ from: 1 }, { at: 61, from: 2, status: 500 }],
  },
  {
    section: 'RFC 9111, 3',
    title: 'the response to a refresh that may not be stored is not shared',
    origin: [swr, withCacheControl('private, max-age=60'), swr],
    steps: [{ from: 1 }, { at: 61, from: 1, calls: 2 }, { at: 91, from: 3 }],
  },
  {
    section: 'RFC 9111, 3.5',
    title: 'no stale response is served to a request with credentials',
    origin: swr,
    steps: [{ from: 1 }, { at: 61, headers: { authorization: 'Bearer 1' }, from: 2 }],
  },
];

const sie = withCacheControl('max-age=60, stale-if-error=60');

function onError(title: string, error: Origin, sent: 'stale' | 'error', status?: number): Rule {
  return {
    section: 'RFC 5861, 4',
    title,
    origin: [sie, error],
    steps: [
      { from: 1 },
      sent === 'stale' ? { at: 70, from: 1, calls: 2, has: { age: '70' } } : { at: 70, calls: 2, status },
    ],
  };
}

const ifError: Rule[] = [
  ...[500, 502, 503, 504].map((status) =>
    onError(`a stale response is sent instead of a ${status}`, { status }, 'stale'),
  ),
  ...[400, 401, 403, 404, 410, 429, 501].map((status) =>
    onError(`a ${status} is sent as it is`, { status }, 'error', status),
  ),
  onError('a stale response is sent when the handler throws', { by: 'throw' }, 'stale'),
  {
    section: 'RFC 5861, 4',
    title: 'stale-if-error ends after its last second',
    origin: [sie, { status: 500 }],
    steps: [{ from: 1 }, { at: 119, from: 1, calls: 2 }, { at: 121, from: 3, status: 500 }],
  },
  {
    section: 'RFC 5861, 4',
    title: 'a successful response replaces the stale one',
    origin: [sie, { status: 503 }, sie],
    steps: [{ from: 1 }, { at: 70, from: 1, calls: 2 }, { at: 71, from: 3 }, { at: 72, from: 3 }],
  },
  ...['must-revalidate', 'proxy-revalidate'].map(
    (directive): Rule => ({
      section: 'RFC 9111, 4.2.4',
      title: `with ${directive} the error is sent`,
      origin: [withCacheControl(`max-age=60, stale-if-error=60, ${directive}`), { status: 503 }],
      steps: [{ from: 1 }, { at: 70, from: 2, status: 503 }],
    }),
  ),
  {
    section: 'RFC 5861, 4',
    title: 'stale-while-revalidate and stale-if-error apply one after the other',
    origin: [withCacheControl('max-age=60, stale-while-revalidate=30, stale-if-error=120'), { status: 500 }],
    steps: [
      { from: 1 },
      { at: 70, from: 1, calls: 2 },
      { at: 120, from: 1, calls: 3 },
      { at: 181, from: 4, status: 500 },
    ],
  },
  {
    section: 'RFC 5861, 4',
    title: 'the error of a request with credentials is not shared',
    origin: [sie, { status: 500 }],
    steps: [{ from: 1 }, { at: 70, headers: { authorization: 'Bearer 1' }, from: 2, status: 500 }],
  },
  {
    section: 'RFC 5861, 4',
    title: 'the origin is not called while the response is fresh',
    origin: [sie, { status: 500 }],
    steps: [{ from: 1 }, { at: 59, from: 1, calls: 1 }],
  },
];

export const staleness: readonly Rule[] = [...whileRevalidate, ...ifError];
