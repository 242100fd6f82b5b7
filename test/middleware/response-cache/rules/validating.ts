import { httpDate, type Rule, says } from './rule.js';

const tagged = says('max-age=60', {
  etag: '"one"',
  vary: 'X-A',
  'content-location': '/one',
  'content-language': 'de',
});
const dated = says('max-age=60', { 'last-modified': httpDate(-1000) });
const both = says('max-age=60', { etag: '"one"', 'last-modified': httpDate(-1000) });

function known(tag: string): Rule {
  return {
    section: 'RFC 9110, 13.1.2',
    title: `If-None-Match: ${tag} knows "one"`,
    origin: tagged,
    asks: [{ from: 1 }, { headers: { 'if-none-match': tag }, status: 304, text: '', has: { etag: '"one"' } }],
  };
}

function unknown(tag: string): Rule {
  return {
    section: 'RFC 9110, 13.1.2',
    title: `If-None-Match: ${tag} does not know "one"`,
    origin: tagged,
    asks: [{ from: 1 }, { headers: { 'if-none-match': tag }, from: 1 }],
  };
}

const tags: Rule[] = [
  ...['"one"', 'W/"one"', '"zero", "one"', '"zero" ,W/"one" , "two"', '*', ',,"one"'].map(known),
  ...['"two"', '"One"', '"one', 'one', '"on"', '"one "', '', 'W/"two", "three"', '"zero, one"'].map(unknown),
  {
    section: 'RFC 9110, 15.4.5',
    title: 'a 304 has the headers that a cache updates by, and none of the content',
    origin: tagged,
    asks: [
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
    title: 'a weak tag is known by the weak comparison',
    origin: says('max-age=60', { etag: 'W/"one"' }),
    asks: [
      { from: 1 },
      { headers: { 'if-none-match': '"one"' }, status: 304 },
      { headers: { 'if-none-match': 'W/"one"' }, status: 304 },
      { headers: { 'if-none-match': 'W/"two"' }, from: 1 },
    ],
  },
  {
    section: 'RFC 9110, 8.8.3',
    title: 'a tag with a comma in it is not two',
    origin: says('max-age=60', { etag: '"a,b"' }),
    asks: [
      { from: 1 },
      { headers: { 'if-none-match': '"a", "b"' }, from: 1 },
      { headers: { 'if-none-match': '"a", W/"b"' }, from: 1 },
    ],
  },
  {
    section: 'RFC 9110, 8.8.3',
    title: 'a tag may have blanks and backslashes that escape nothing',
    origin: says('max-age=60', { etag: '"a\\"' }),
    asks: [
      { from: 1 },
      { headers: { 'if-none-match': '"a\\"' }, status: 304 },
      { headers: { 'if-none-match': '"x\\", "a\\"' }, status: 304 },
    ],
  },
  {
    section: 'RFC 9110, 13.1.2',
    title: 'without a tag, no tag is known',
    origin: says('max-age=60'),
    asks: [{ from: 1 }, { headers: { 'if-none-match': '"one"' }, from: 1 }],
  },
  {
    section: 'RFC 9110, 13.1.2',
    title: 'the tag that Express makes is known',
    origin: { ...says('max-age=60'), by: 'send', body: 'sent' },
    asks: [
      { from: 1, has: { etag: /^W\/"/ } },
      { headers: { 'if-none-match': '*' }, status: 304 },
      { headers: { 'if-none-match': '"other"' }, from: 1 },
    ],
  },
];

const dates: Rule[] = [
  {
    section: 'RFC 9110, 13.1.3',
    title: 'not modified since then',
    origin: dated,
    asks: [
      { from: 1 },
      { headers: { 'if-modified-since': httpDate(-1000) }, status: 304, text: '' },
      { headers: { 'if-modified-since': httpDate(-999) }, status: 304 },
      { headers: { 'if-modified-since': httpDate(-1001) }, from: 1 },
    ],
  },
  ...['', 'yesterday', '0', 'Wed, 99 Foo 2031 00:00:00 GMT'].map(
    (value): Rule => ({
      section: 'RFC 9110, 13.1.3',
      title: `If-Modified-Since: ${JSON.stringify(value)} is no date and does not count`,
      origin: dated,
      asks: [{ from: 1 }, { headers: { 'if-modified-since': value }, from: 1 }],
    }),
  ),
  {
    section: 'RFC 9110, 5.6.7',
    title: 'If-Modified-Since in the form of RFC 850 is understood',
    origin: dated,
    asks: [
      { from: 1 },
      { headers: { 'if-modified-since': 'Wednesday, 01-Jan-31 12:00:00 GMT' }, status: 304 },
      { headers: { 'if-modified-since': 'Tuesday, 31-Dec-30 12:00:00 GMT' }, from: 1 },
    ],
  },
  {
    section: 'RFC 9110, 13.2.2',
    title: 'If-None-Match goes before If-Modified-Since',
    origin: both,
    asks: [
      { from: 1 },
      { headers: { 'if-none-match': '"two"', 'if-modified-since': httpDate(0) }, from: 1 },
      { headers: { 'if-none-match': '"one"', 'if-modified-since': httpDate(-5000) }, status: 304 },
    ],
  },
];

const conditions: Rule[] = [
  {
    section: 'RFC 9111, 4.3.2',
    title: 'a condition on a cold key is answered',
    origin: (req) =>
      req.headers['if-none-match'] === '"one"' ? { ...tagged, status: 304, body: '' } : tagged,
    asks: [
      { headers: { 'if-none-match': '"one"' }, status: 304, text: '', calls: 1, has: { etag: '"one"' } },
    ],
  },
  {
    section: 'RFC 9111, 3',
    title: 'a 304 answers no request without a condition',
    origin: (req) => (req.headers['if-none-match'] ? { ...tagged, status: 304, body: '' } : tagged),
    asks: [
      { headers: { 'if-none-match': '"one"' }, status: 304, calls: 1 },
      { status: 200, check: ({ text }) => expect(text).toMatch(/^answer \d$/) },
    ],
  },
  {
    section: 'RFC 9111, 4.3.2',
    title: 'a condition on a stale answer is for the origin',
    origin: [tagged, says('max-age=60', { etag: '"two"' })],
    asks: [
      { from: 1 },
      { at: 61, headers: { 'if-none-match': '"one"' }, from: 2, has: { etag: '"two"' } },
      { at: 62, from: 2 },
      { at: 62, headers: { 'if-none-match': '"two"' }, status: 304, calls: 2 },
    ],
  },
  {
    section: 'RFC 9110, 13.2.1',
    title: 'a condition does not turn a kept 404 or 301 into a 304',
    origin: (req) => ({ ...tagged, status: String(req.url).includes('?gone') ? 404 : 301 }),
    asks: [
      { path: '?gone', from: 1, status: 404 },
      { path: '?gone', headers: { 'if-none-match': '"one"' }, from: 1, status: 404 },
      { from: 2, status: 301 },
      { headers: { 'if-none-match': '*' }, from: 2, status: 301 },
    ],
  },
  {
    section: 'RFC 9110, 13.1.2',
    title: 'HEAD with a condition is a 304 as well',
    origin: tagged,
    asks: [
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
    title: 'the condition is about the variant that fits',
    origin: (req) => says('max-age=60', { vary: 'X-A', etag: `"${req.headers['x-a']}"` }),
    asks: [
      { headers: { 'x-a': '1' }, from: 1 },
      { headers: { 'x-a': '2' }, from: 2 },
      { headers: { 'x-a': '1', 'if-none-match': '"2"' }, from: 1, calls: 2 },
      { headers: { 'x-a': '2', 'if-none-match': '"2"' }, status: 304 },
    ],
  },
];

const whole = '0123456789';
const ranged = { ...says('max-age=60', { etag: '"one"', 'accept-ranges': 'bytes' }), body: whole };

/** A range of a kept answer: that range, or all of it, and never anything else. */
function range(title: string, headers: Record<string, string>, part: string | undefined, where = ''): Rule {
  return {
    section: 'RFC 9110, 14.2',
    title,
    origin: ranged,
    asks: [
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
  range('from some byte on', { range: 'bytes=7-' }, '789', '7-9'),
  range('the last bytes', { range: 'bytes=-2' }, '89', '8-9'),
  range('an end beyond the end', { range: 'bytes=8-100' }, '89', '8-9'),
  range('a range in another unit is all', { range: 'lines=0-3' }, undefined),
  ...['bytes', 'bytes 0-3', ''].map((value) =>
    range(`${JSON.stringify(value)} is no range, and gets all`, { range: value }, undefined),
  ),
  range('If-Range by the tag', { range: 'bytes=0-3', 'if-range': '"one"' }, '0123', '0-3'),
  range('If-Range by another tag gets all', { range: 'bytes=0-3', 'if-range': '"two"' }, undefined),
  range('If-Range by a weak tag gets all', { range: 'bytes=0-3', 'if-range': 'W/"one"' }, undefined),
  range(
    'If-Range by a date of an answer without one gets all',
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
      title: `${value} fits nothing that is kept, and is the route’s to refuse`,
      origin: (req) =>
        req.headers.range ? { status: 416, headers: { 'content-range': 'bytes */10' } } : ranged,
      asks: [
        { from: 1, text: whole },
        { headers: { range: value }, from: 2, status: 416, has: { 'content-range': 'bytes */10' } },
        { from: 1, calls: 2, text: whole },
      ],
    }),
  ),
  {
    section: 'RFC 9110, 14.2',
    title: 'a range of a HEAD has no body, whether it counts, as in Express’s own files, or not',
    origin: ranged,
    asks: [
      { from: 1 },
      { method: 'HEAD', headers: { range: 'bytes=0-3' }, from: 1, status: [200, 206], text: '' },
      { from: 1, text: whole },
    ],
  },
  {
    section: 'RFC 9110, 13.2.2',
    title: 'a condition that is met goes before the range',
    origin: ranged,
    asks: [{ from: 1 }, { headers: { range: 'bytes=0-3', 'if-none-match': '"one"' }, status: 304 }],
  },
  {
    section: 'RFC 9110, 14.2',
    title: 'a kept 404 knows no ranges',
    origin: { ...ranged, status: 404 },
    asks: [
      { from: 1, status: 404 },
      { headers: { range: 'bytes=0-3' }, from: 1, status: 404, text: whole },
    ],
  },
  {
    section: 'RFC 9111, 3.3',
    title: 'many ranges are one answer of many parts, or all of it',
    origin: ranged,
    asks: [
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
    title: 'a range on a cold key is the route’s to answer, and is not kept',
    origin: ranged,
    asks: [{ headers: { range: 'bytes=0-3' }, from: 1 }, { from: 2, text: whole }, { from: 2 }],
  },
];

export const validating: readonly Rule[] = [...tags, ...dates, ...conditions, ...ranges];
