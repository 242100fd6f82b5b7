import { httpDate, type Rule, withCacheControl } from './rule.js';

const tagged = withCacheControl('max-age=60', {
  etag: '"one"',
  vary: 'X-A',
  'content-location': '/one',
  'content-language': 'de',
});
const dated = withCacheControl('max-age=60', { 'last-modified': httpDate(-1000) });
const both = withCacheControl('max-age=60', { etag: '"one"', 'last-modified': httpDate(-1000) });

function known(tag: string): Rule {
  return {
    section: 'RFC 9110, 13.1.2',
    title: `If-None-Match: ${tag} matches "one"`,
    origin: tagged,
    steps: [
      { from: 1 },
      { headers: { 'if-none-match': tag }, status: 304, text: '', has: { etag: '"one"' } },
    ],
  };
}

function unknown(tag: string): Rule {
  return {
    section: 'RFC 9110, 13.1.2',
    title: `If-None-Match: ${tag} does not match "one"`,
    origin: tagged,
    steps: [{ from: 1 }, { headers: { 'if-none-match': tag }, from: 1 }],
  };
}

const tags: Rule[] = [
  ...['"one"', 'W/"one"', '"zero", "one"', '"zero" ,W/"one" , "two"', '*', ',,"one"'].map(known),
  ...['"two"', '"One"', '"one', 'one', '"on"', '"one "', '', 'W/"two", "three"', '"zero, one"'].map(unknown),
  {
    section: 'RFC 9110, 15.4.5',
    title: 'a 304 has the headers that caches need, and no headers of the content',
    origin: tagged,
    steps: [
      { from: 1 },
      {
        at: 5,
        headers: { 'if-none-match': '"one"' },
        status: 304,
        text: '',
        has: {
          etag: '"one"',
          'cache-control': 'max-age=60',
          vary: /x-a/i,
          'content-location': '/one',
          date: /GMT/,
          age: '5',
          'transfer-encoding': undefined,
          'content-type': undefined,
        },
      },
      { at: 6, from: 1 },
    ],
  },
  {
    section: 'RFC 9110, 8.8.3.2',
    title: 'a weak tag matches by the weak comparison',
    origin: withCacheControl('max-age=60', { etag: 'W/"one"' }),
    steps: [
      { from: 1 },
      { headers: { 'if-none-match': '"one"' }, status: 304 },
      { headers: { 'if-none-match': 'W/"one"' }, status: 304 },
      { headers: { 'if-none-match': 'W/"two"' }, from: 1 },
    ],
  },
  {
    section: 'RFC 9110, 8.8.3',
    title: 'a tag with a comma in it is one tag',
    origin: withCacheControl('max-age=60', { etag: '"a,b"' }),
    steps: [
      { from: 1 },
      { headers: { 'if-none-match': '"a", "b"' }, from: 1 },
      { headers: { 'if-none-match': '"a", W/"b"' }, from: 1 },
    ],
  },
  {
    section: 'RFC 9110, 8.8.3',
    title: 'a tag may contain blanks, and backslashes that are not escapes',
    origin: withCacheControl('max-age=60', { etag: '"a\\"' }),
    steps: [
      { from: 1 },
      { headers: { 'if-none-match': '"a\\"' }, status: 304 },
      { headers: { 'if-none-match': '"x\\", "a\\"' }, status: 304 },
    ],
  },
  {
    section: 'RFC 9110, 13.1.2',
    title: 'no tag matches a response without a tag',
    origin: withCacheControl('max-age=60'),
    steps: [{ from: 1 }, { headers: { 'if-none-match': '"one"' }, from: 1 }],
  },
  {
    section: 'RFC 9110, 13.1.2',
    title: 'the tag that Express generates matches',
    origin: { ...withCacheControl('max-age=60'), by: 'send', body: 'sent' },
    steps: [
      { from: 1, has: { etag: /^W\/"/ } },
      { headers: { 'if-none-match': '*' }, status: 304 },
      { headers: { 'if-none-match': '"other"' }, from: 1 },
    ],
  },
];

const dates: Rule[] = [
  {
    section: 'RFC 9110, 13.1.3',
    title: 'If-Modified-Since matches the date of the last modification',
    origin: dated,
    steps: [
      { from: 1 },
      { headers: { 'if-modified-since': httpDate(-1000) }, status: 304, text: '' },
      { headers: { 'if-modified-since': httpDate(-999) }, status: 304 },
      { headers: { 'if-modified-since': httpDate(-1001) }, from: 1 },
    ],
  },
  ...['', 'yesterday', '0', 'Wed, 99 Foo 2031 00:00:00 GMT'].map(
    (value): Rule => ({
      section: 'RFC 9110, 13.1.3',
      title: `If-Modified-Since: ${JSON.stringify(value)} is no date and is ignored`,
      origin: dated,
      steps: [{ from: 1 }, { headers: { 'if-modified-since': value }, from: 1 }],
    }),
  ),
  {
    section: 'RFC 9110, 5.6.7',
    title: 'If-Modified-Since in the form of RFC 850 is accepted',
    origin: dated,
    steps: [
      { from: 1 },
      { headers: { 'if-modified-since': 'Wednesday, 01-Jan-31 12:00:00 GMT' }, status: 304 },
      { headers: { 'if-modified-since': 'Tuesday, 31-Dec-30 12:00:00 GMT' }, from: 1 },
    ],
  },
  {
    section: 'RFC 9110, 13.2.2',
    title: 'If-None-Match takes precedence over If-Modified-Since',
    origin: both,
    steps: [
      { from: 1 },
      { headers: { 'if-none-match': '"two"', 'if-modified-since': httpDate(0) }, from: 1 },
      { headers: { 'if-none-match': '"one"', 'if-modified-since': httpDate(-5000) }, status: 304 },
    ],
  },
];

const conditions: Rule[] = [
  {
    section: 'RFC 9111, 4.3.2',
    title: 'a conditional request without a stored response is evaluated',
    origin: (req) =>
      req.headers['if-none-match'] === '"one"' ? { ...tagged, status: 304, body: '' } : tagged,
    steps: [
      { headers: { 'if-none-match': '"one"' }, status: 304, text: '', calls: 1, has: { etag: '"one"' } },
    ],
  },
  {
    section: 'RFC 9111, 3',
    title: 'a 304 is sent to no request without a condition',
    origin: (req) => (req.headers['if-none-match'] ? { ...tagged, status: 304, body: '' } : tagged),
    steps: [
      { headers: { 'if-none-match': '"one"' }, status: 304, calls: 1 },
      { status: 200, check: ({ text }) => expect(text).toMatch(/^result \d$/) },
    ],
  },
  {
    section: 'RFC 9111, 4.3.2',
    title: 'a conditional request for a stale response is forwarded to the origin',
    origin: [tagged, withCacheControl('max-age=60', { etag: '"two"' })],
    steps: [
      { from: 1 },
      { at: 61, headers: { 'if-none-match': '"one"' }, from: 2, has: { etag: '"two"' } },
      { at: 62, from: 2 },
      { at: 62, headers: { 'if-none-match': '"two"' }, status: 304, calls: 2 },
    ],
  },
  {
    section: 'RFC 9110, 13.2.1',
    title: 'a condition does not change a stored 404 or 301 to a 304',
    origin: (req) => ({ ...tagged, status: String(req.url).includes('?gone') ? 404 : 301 }),
    steps: [
      { path: '?gone', from: 1, status: 404 },
      { path: '?gone', headers: { 'if-none-match': '"one"' }, from: 1, status: 404 },
      { from: 2, status: 301 },
      { headers: { 'if-none-match': '*' }, from: 2, status: 301 },
    ],
  },
  {
    section: 'RFC 9110, 13.1.2',
    title: 'HEAD with a matching condition is a 304 as well',
    origin: tagged,
    steps: [
      { from: 1 },
      {
        method: 'HEAD',
        headers: { 'if-none-match': '"one"' },
        status: 304,
        text: '',
        has: { etag: '"one"' },
      },
    ],
  },
  {
    section: 'RFC 9111, 4.3.2',
    title: 'the condition is compared with the matching variant',
    origin: (req) => withCacheControl('max-age=60', { vary: 'X-A', etag: `"${req.headers['x-a']}"` }),
    steps: [
      { headers: { 'x-a': '1' }, from: 1 },
      { headers: { 'x-a': '2' }, from: 2 },
      { headers: { 'x-a': '1', 'if-none-match': '"2"' }, from: 1, calls: 2 },
      { headers: { 'x-a': '2', 'if-none-match': '"2"' }, status: 304 },
    ],
  },
];

const whole = '0123456789';
const ranged = {
  ...withCacheControl('max-age=60', { etag: '"one"', 'accept-ranges': 'bytes' }),
  body: whole,
};

/** A request for a range of a stored response. The result is that range, or the whole if `part` is undefined. */
function range(title: string, headers: Record<string, string>, part: string | undefined, where = ''): Rule {
  return {
    section: 'RFC 9110, 14.2',
    title,
    origin: ranged,
    steps: [
      { from: 1 },
      part === undefined
        ? { headers, from: 1, text: whole, has: { 'content-range': undefined, 'content-length': '10' } }
        : {
            headers,
            from: 1,
            status: 206,
            text: part,
            has: {
              'content-range': `bytes ${where}/10`,
              'content-length': String(part.length),
              etag: '"one"',
            },
          },
      { from: 1, text: whole },
    ],
  };
}

const ranges: Rule[] = [
  range('the first bytes', { range: 'bytes=0-3' }, '0123', '0-3'),
  range('one byte', { range: 'bytes=0-0' }, '0', '0-0'),
  range('all bytes from a position', { range: 'bytes=7-' }, '789', '7-9'),
  range('the last bytes', { range: 'bytes=-2' }, '89', '8-9'),
  range('an end beyond the end', { range: 'bytes=8-100' }, '89', '8-9'),
  range('a range in another unit results in the whole', { range: 'lines=0-3' }, undefined),
  ...['bytes', 'bytes 0-3', ''].map((value) =>
    range(`${JSON.stringify(value)} is no range, and results in the whole`, { range: value }, undefined),
  ),
  range('If-Range with the tag', { range: 'bytes=0-3', 'if-range': '"one"' }, '0123', '0-3'),
  range(
    'If-Range with another tag results in the whole',
    { range: 'bytes=0-3', 'if-range': '"two"' },
    undefined,
  ),
  range(
    'If-Range with a weak tag results in the whole',
    { range: 'bytes=0-3', 'if-range': 'W/"one"' },
    undefined,
  ),
  range(
    'If-Range with a date results in the whole if the response has no date',
    { range: 'bytes=0-3', 'if-range': httpDate(0) },
    undefined,
  ),
  ...[
    'bytes=10-',
    'bytes=3-1',
    'bytes=-20',
    'bytes=-0',
    'bytes=a-b',
    'bytes=',
    'bytes=-',
    'bytes=0x1-2',
    'bytes=1.0-2',
  ].map(
    (value): Rule => ({
      section: 'RFC 9110, 15.5.17',
      title: `${value} matches no stored bytes, and the route refuses it`,
      origin: (req) =>
        req.headers.range ? { status: 416, headers: { 'content-range': 'bytes */10' } } : ranged,
      steps: [
        { from: 1, text: whole },
        { headers: { range: value }, from: 2, status: 416, has: { 'content-range': 'bytes */10' } },
        { from: 1, calls: 2, text: whole },
      ],
    }),
  ),
  {
    section: 'RFC 9110, 14.2',
    title: 'HEAD with a range has no body, whether the range applies or not',
    origin: ranged,
    steps: [
      { from: 1 },
      { method: 'HEAD', headers: { range: 'bytes=0-3' }, from: 1, status: [200, 206], text: '' },
      { from: 1, text: whole },
    ],
  },
  {
    section: 'RFC 9110, 13.2.2',
    title: 'a matching condition takes precedence over the range',
    origin: ranged,
    steps: [{ from: 1 }, { headers: { range: 'bytes=0-3', 'if-none-match': '"one"' }, status: 304 }],
  },
  {
    section: 'RFC 9110, 14.2',
    title: 'a range does not apply to a stored 404',
    origin: { ...ranged, status: 404 },
    steps: [
      { from: 1, status: 404 },
      { headers: { range: 'bytes=0-3' }, from: 1, status: 404, text: whole },
    ],
  },
  {
    section: 'RFC 9111, 3.3',
    title: 'several ranges result in the whole',
    origin: ranged,
    steps: [
      { from: 1 },
      {
        headers: { range: 'bytes=0-1,5-6' },
        status: 200,
        text: whole,
        from: 1,
      },
    ],
  },
  {
    section: 'RFC 9110, 14.2',
    title: 'a range without a stored response is passed to the route, and its response is not stored',
    origin: ranged,
    steps: [{ headers: { range: 'bytes=0-3' }, from: 1 }, { from: 2, text: whole }, { from: 2 }],
  },
];

export const validating: readonly Rule[] = [...tags, ...dates, ...conditions, ...ranges];
