import { type Origin, type Rule, says } from './rule.js';

const swr = says('max-age=60, stale-while-revalidate=30');

const whileRevalidate: Rule[] = [
  {
    section: 'RFC 5861, 3',
    title: 'within the window the stale answer comes at once, and a fresh one afterwards',
    origin: swr,
    asks: [
      { from: 1 },
      { at: 59, from: 1, calls: 1 },
      { at: 61, from: 1, calls: 2, has: { age: '61' } },
      { at: 62, from: 2, has: { age: '1' } },
      { at: 120, from: 2 },
    ],
  },
  {
    section: 'RFC 5861, 3',
    title: 'to its last second',
    origin: swr,
    asks: [{ from: 1 }, { at: 89, from: 1, calls: 2 }, { at: 90, from: 2 }],
  },
  {
    section: 'RFC 5861, 3',
    title: 'and not beyond',
    origin: swr,
    asks: [{ from: 1 }, { at: 91, from: 2 }, { at: 92, from: 2 }],
  },
  {
    section: 'RFC 5861, 3',
    title: 'HEAD and conditions are answered from what is stale as well',
    origin: says('max-age=60, stale-while-revalidate=30', { etag: '"one"' }),
    asks: [
      { from: 1 },
      { at: 70, headers: { 'if-none-match': '"one"' }, status: 304, calls: 2 },
      { at: 71, from: 2 },
      { at: 140, method: 'HEAD', from: 2, calls: 3 },
      { at: 141, from: 3 },
    ],
  },
  {
    section: 'RFC 5861, 3',
    title: 'a condition is kept from the refresh: what is kept is whole',
    origin: (req, call) =>
      req.headers['if-none-match'] || req.headers['if-modified-since'] || req.headers.range
        ? { status: 304, body: '' }
        : says('max-age=60, stale-while-revalidate=30', { etag: `"${call}"` }),
    asks: [
      { from: 1 },
      { at: 70, headers: { 'if-none-match': '"1"' }, status: 304, calls: 2 },
      { at: 71, from: 2 },
    ],
  },
  {
    section: 'RFC 5861, 3',
    title: 'the window opens after s-maxage too, which CDNs read so as well',
    origin: says('s-maxage=60, stale-while-revalidate=30'),
    asks: [{ from: 1 }, { at: 70, from: 1, calls: 2 }, { at: 71, from: 2 }],
  },
  {
    section: 'RFC 5861, 3',
    title: 'and after Expires',
    origin: (_req, call) =>
      call === 1
        ? {
            headers: {
              expires: new Date(Date.UTC(2031, 0, 1, 12, 1)).toUTCString(),
              'cache-control': 'stale-while-revalidate=30',
            },
          }
        : swr,
    asks: [{ from: 1 }, { at: 70, from: 1, calls: 2 }, { at: 71, from: 2 }],
  },
  ...['0', '-1', 'x', ''].map(
    (seconds): Rule => ({
      section: 'RFC 5861, 3',
      title: `stale-while-revalidate=${seconds} is no window`,
      origin: says(`max-age=60, stale-while-revalidate=${seconds}`),
      asks: [{ from: 1 }, { at: 61, from: 2 }],
    }),
  ),
  ...['must-revalidate', 'Must-Revalidate', 'proxy-revalidate'].map(
    (directive): Rule => ({
      section: 'RFC 9111, 4.2.4',
      title: `${directive} closes the window`,
      origin: says(`max-age=60, stale-while-revalidate=30, ${directive}`),
      asks: [{ from: 1 }, { at: 59, from: 1 }, { at: 61, from: 2 }],
    }),
  ),
  {
    section: 'RFC 9111, 4.2.4',
    title: 'no-cache leaves none',
    origin: says('no-cache, max-age=60, stale-while-revalidate=30'),
    asks: [{ from: 1 }, { from: 2 }],
  },
  {
    section: 'RFC 5861, 3',
    title: 'each variant is refreshed for itself',
    origin: says('max-age=60, stale-while-revalidate=30', { vary: 'X-A' }),
    asks: [
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
    title: 'a refresh that fails leaves the stale answer for its window, and is tried again',
    origin: [swr, { status: 500 }, swr],
    asks: [{ from: 1 }, { at: 61, from: 1, calls: 2 }, { at: 89, from: 1, calls: 3 }, { at: 90, from: 3 }],
  },
  {
    section: 'RFC 9111, 4.2.4',
    title: 'without a window nothing stale is served, not even for an error',
    origin: [says('max-age=60'), { status: 500 }],
    asks: [{ from: 1 }, { at: 61, from: 2, status: 500 }],
  },
  {
    section: 'RFC 9111, 3',
    title: 'a refresh that may not be kept is for nobody else',
    origin: [swr, says('private, max-age=60'), swr],
    asks: [{ from: 1 }, { at: 61, from: 1, calls: 2 }, { at: 91, from: 3 }],
  },
  {
    section: 'RFC 9111, 3.5',
    title: 'nothing stale is for a user',
    origin: swr,
    asks: [{ from: 1 }, { at: 61, headers: { authorization: 'Bearer 1' }, from: 2 }],
  },
];

const sie = says('max-age=60, stale-if-error=60');

function onError(title: string, error: Origin, answered: 'stale' | 'error', status?: number): Rule {
  return {
    section: 'RFC 5861, 4',
    title,
    origin: [sie, error],
    asks: [
      { from: 1 },
      answered === 'stale' ? { at: 70, from: 1, calls: 2, has: { age: '70' } } : { at: 70, calls: 2, status },
    ],
  };
}

const ifError: Rule[] = [
  ...[500, 502, 503, 504].map((status) =>
    onError(`${status} is answered by what is stale`, { status }, 'stale'),
  ),
  ...[400, 401, 403, 404, 410, 429, 501].map((status) =>
    onError(`${status} is no error of that kind`, { status }, 'error', status),
  ),
  onError('a throw is answered by what is stale', { by: 'throw' }, 'stale'),
  {
    section: 'RFC 5861, 4',
    title: 'to the last second of the window, and not beyond',
    origin: [sie, { status: 500 }],
    asks: [{ from: 1 }, { at: 119, from: 1, calls: 2 }, { at: 121, from: 3, status: 500 }],
  },
  {
    section: 'RFC 5861, 4',
    title: 'a success takes the place of what is stale',
    origin: [sie, { status: 503 }, sie],
    asks: [{ from: 1 }, { at: 70, from: 1, calls: 2 }, { at: 71, from: 3 }, { at: 72, from: 3 }],
  },
  ...['must-revalidate', 'proxy-revalidate'].map(
    (directive): Rule => ({
      section: 'RFC 9111, 4.2.4',
      title: `${directive} leaves the error as it is`,
      origin: [says(`max-age=60, stale-if-error=60, ${directive}`), { status: 503 }],
      asks: [{ from: 1 }, { at: 70, from: 2, status: 503 }],
    }),
  ),
  {
    section: 'RFC 5861, 4',
    title: 'both windows: first the one, then the other',
    origin: [says('max-age=60, stale-while-revalidate=30, stale-if-error=120'), { status: 500 }],
    asks: [
      { from: 1 },
      { at: 70, from: 1, calls: 2 },
      { at: 120, from: 1, calls: 3 },
      { at: 181, from: 4, status: 500 },
    ],
  },
  {
    section: 'RFC 5861, 4',
    title: 'an error for a user is the user’s own',
    origin: [sie, { status: 500 }],
    asks: [{ from: 1 }, { at: 70, headers: { authorization: 'Bearer 1' }, from: 2, status: 500 }],
  },
  {
    section: 'RFC 5861, 4',
    title: 'an error for a fresh answer does not exist: the origin is not asked',
    origin: [sie, { status: 500 }],
    asks: [{ from: 1 }, { at: 59, from: 1, calls: 1 }],
  },
];

export const staleness: readonly Rule[] = [...whileRevalidate, ...ifError];
