import { hits, httpDate, misses, type Rule, withCacheControl } from './rule.js';

const lifetimes: Rule[] = [
  {
    section: 'RFC 9111, 4.2',
    title: 'a response is fresh while its lifetime is greater than its age, and not longer',
    origin: withCacheControl('max-age=60'),
    steps: [
      { from: 1 },
      { at: 59, from: 1 },
      { at: 60, from: 2 },
      { at: 119, from: 2 },
      { at: 120, from: 3 },
    ],
  },
  {
    section: 'RFC 9111, 4.2',
    title: 'max-age=0 is stale from the start',
    origin: withCacheControl('max-age=0'),
    steps: [{ from: 1 }, { from: 2 }],
  },
  {
    section: 'RFC 9111, 5.2.2.10',
    title: 's-maxage takes precedence over a shorter max-age',
    origin: withCacheControl('max-age=5, s-maxage=60'),
    steps: [{ from: 1 }, { at: 59, from: 1 }, { at: 60, from: 2 }],
  },
  {
    section: 'RFC 9111, 5.2.2.10',
    title: 's-maxage takes precedence over a longer max-age',
    origin: withCacheControl('s-maxage=5, max-age=60'),
    steps: [{ from: 1 }, { at: 4, from: 1 }, { at: 5, from: 2 }],
  },
  {
    section: 'RFC 9111, 5.2.2.10',
    title: 's-maxage=0 with a max-age is stale from the start',
    origin: withCacheControl('max-age=60, s-maxage=0'),
    steps: [{ from: 1 }, { from: 2 }],
  },
  {
    section: 'RFC 9111, 5.2.2.10',
    title: 's-maxage alone is a lifetime',
    origin: withCacheControl('s-maxage=60'),
    steps: [{ from: 1 }, { at: 59, from: 1 }, { at: 60, from: 2 }],
  },
  {
    section: 'RFC 9111, 5.3',
    title: 'Expires alone is a lifetime',
    origin: { headers: { expires: httpDate(60), date: httpDate(0) } },
    steps: [{ from: 1 }, { at: 59, from: 1 }, { at: 60, from: 2 }],
  },
  {
    section: 'RFC 9111, 5.3',
    title: 'Expires without Date is relative to the arrival of the response',
    origin: { headers: { expires: httpDate(60) } },
    steps: [{ from: 1 }, { at: 59, from: 1 }, { at: 61, from: 2 }],
  },
  {
    section: 'RFC 9111, 5.3',
    title: 'max-age takes precedence over an earlier Expires',
    origin: withCacheControl('max-age=60', { expires: httpDate(-100) }),
    steps: [{ from: 1 }, { at: 59, from: 1 }, { at: 60, from: 2 }],
  },
  {
    section: 'RFC 9111, 5.3',
    title: 'max-age takes precedence over a later Expires',
    origin: withCacheControl('max-age=5', { expires: httpDate(1000) }),
    steps: [{ from: 1 }, { at: 4, from: 1 }, { at: 5, from: 2 }],
  },
  {
    section: 'RFC 9111, 5.3',
    title: 's-maxage takes precedence over Expires',
    origin: withCacheControl('s-maxage=60', { expires: '0' }),
    steps: [{ from: 1 }, { at: 59, from: 1 }, { at: 60, from: 2 }],
  },
  ...[
    '0',
    '-1',
    'never',
    '',
    'Wed, 99 Foo 2031 00:00:00 GMT',
    '4102444800',
    '2099',
    '2099-01-01T00:00:00Z',
    'Thu, 01 Jan 2099',
    'Jan 1 2099',
    '1/1/2099',
  ].map(
    (expires): Rule => ({
      section: 'RFC 9111, 5.3',
      title: `Expires: ${JSON.stringify(expires)} is a time in the past`,
      origin: { headers: { expires } },
      steps: misses,
    }),
  ),
  {
    section: 'RFC 9110, 5.6.7',
    title: 'Expires in the form of RFC 850 is accepted',
    origin: { headers: { date: httpDate(0), expires: 'Wednesday, 01-Jan-31 12:01:00 GMT' } },
    steps: [{ from: 1 }, { at: 59, from: 1 }, { at: 61, from: 2 }],
  },
  {
    section: 'RFC 9110, 5.6.7',
    title: 'Expires in the form of asctime is accepted, and is in GMT',
    origin: { headers: { date: httpDate(0), expires: 'Wed Jan  1 12:01:00 2031' } },
    steps: [{ from: 1 }, { at: 59, from: 1 }, { at: 61, from: 2 }],
  },
];

const spelling: Rule[] = [
  ...[
    'Max-Age=60',
    'MAX-AGE=60',
    'max-age="60"',
    'max-age=060',
    ',, max-age=60 ,',
    '\tmax-age=60',
    'x=1,max-age=60',
  ].map(
    (value): Rule => ({
      section: 'RFC 9111, 5.2',
      title: `${JSON.stringify(value)} is a lifetime of 60 seconds`,
      origin: withCacheControl(value),
      steps: [{ from: 1 }, { at: 59, from: 1 }, { at: 60, from: 2 }],
    }),
  ),
  ...[
    'max-age',
    'max-age=',
    'max-age=""',
    'max-age=-60',
    'max-age=abc',
    'max-age=sixty',
    'max-age=NaN',
    'max-age=Infinity',
    'xmax-age=60',
    'max-agex=60',
    'max_age=60',
    'x="max-age=60"',
    'x="a, max-age=60, b"',
    "'max-age=60'",
  ].map(
    (value): Rule => ({
      section: 'RFC 9111, 4.2.1',
      title: `${JSON.stringify(value)} is no lifetime`,
      origin: withCacheControl(value),
      steps: misses,
    }),
  ),
  ...['max-age=1e9', 'max-age=0x7fffffff', 'max-age=60s', 'max-age=60.5', 'max-age=+60'].map(
    (value): Rule => ({
      section: 'RFC 9111, 4.2.1',
      title: `${JSON.stringify(value)} is no valid number of seconds, so the response is stale`,
      origin: withCacheControl(value),
      steps: misses,
    }),
  ),
  {
    section: 'RFC 9111, 4.2.1',
    title: 'max-age does not replace an invalid s-maxage',
    origin: withCacheControl('max-age=60, s-maxage=soon'),
    steps: misses,
  },
  {
    section: 'RFC 9111, 4.2.1',
    title: 'the shorter of two lifetimes is used',
    origin: withCacheControl('max-age=10, max-age=1000'),
    steps: [{ from: 1 }, { at: 11, from: 2 }],
  },
  {
    section: 'RFC 9111, 4.2.1',
    title: 'the shorter of two lifetimes is used, also from a second line',
    origin: withCacheControl(['max-age=10', 'max-age=1000']),
    steps: [{ from: 1 }, { at: 11, from: 2 }],
  },
  {
    section: 'RFC 9111, 4.2.1',
    title: 'a quoted directive does not replace the one outside the quotes',
    origin: withCacheControl('x="y, max-age=1000", max-age=10'),
    steps: [{ from: 1 }, { at: 9, from: 1 }, { at: 11, from: 2 }],
  },
  ...['2147483648', '4294967296', '99999999999999999999999999'].map(
    (seconds): Rule => ({
      section: 'RFC 9111, 1.2.2',
      title: `max-age=${seconds} is treated as a very long time`,
      origin: withCacheControl(`max-age=${seconds}`),
      steps: [{ from: 1 }, { at: 86_400 * 300, from: 1 }],
    }),
  ),
];

const ages: Rule[] = [
  {
    section: 'RFC 9111, 5.1',
    title: 'a hit has an Age, a response of the origin has none',
    origin: withCacheControl('max-age=60'),
    steps: [
      { from: 1, has: { age: undefined } },
      { from: 1, has: { age: '0' } },
      { at: 30, from: 1, has: { age: '30' } },
      { at: 59, from: 1, has: { age: '59' } },
      { at: 61, from: 2, has: { age: undefined } },
      { at: 66, from: 2, has: { age: '5' } },
    ],
  },
  {
    section: 'RFC 9111, 4.2.3',
    title: 'the Age of an upstream cache reduces the lifetime',
    origin: withCacheControl('max-age=60', { age: '50' }),
    steps: [{ from: 1 }, { at: 5, from: 1, has: { age: '55' } }, { at: 10, from: 2 }],
  },
  {
    section: 'RFC 9111, 4.2.3',
    title: 'a response with an Age beyond its lifetime is stale',
    origin: withCacheControl('max-age=60', { age: '60' }),
    steps: misses,
  },
  ...['-50', 'old', '', '1.5'].map(
    (age): Rule => ({
      section: 'RFC 9111, 5.1',
      title: `Age: ${JSON.stringify(age)} is ignored`,
      origin: withCacheControl('max-age=60', { age }),
      steps: [{ from: 1 }, { at: 30, from: 1, has: { age: '30' } }, { at: 61, from: 2 }],
    }),
  ),
  {
    section: 'RFC 9111, 5.1',
    title: 'an Age that overflows is treated as very old',
    origin: withCacheControl('max-age=60', { age: '99999999999999999999' }),
    steps: misses,
  },
  {
    section: 'RFC 9111, 4.2.3',
    title: 'a Date in the past is treated as an age',
    origin: withCacheControl('max-age=60', { date: httpDate(-30) }),
    steps: [{ from: 1 }, { at: 10, from: 1, has: { age: '40', date: httpDate(-30) } }, { at: 31, from: 2 }],
  },
  {
    section: 'RFC 9111, 4.2.3',
    title: 'the greater of Age and the age by Date is used: Date',
    origin: withCacheControl('max-age=60', { date: httpDate(-30), age: '10' }),
    steps: [{ from: 1 }, { at: 10, from: 1, has: { age: '40' } }, { at: 31, from: 2 }],
  },
  {
    section: 'RFC 9111, 4.2.3',
    title: 'the greater of Age and the age by Date is used: Age',
    origin: withCacheControl('max-age=60', { date: httpDate(-10), age: '30' }),
    steps: [{ from: 1 }, { at: 10, from: 1, has: { age: '40' } }, { at: 31, from: 2 }],
  },
  {
    section: 'RFC 9111, 4.2.3',
    title: 'a Date in the future does not reduce the age',
    origin: withCacheControl('max-age=60', { date: httpDate(1000) }),
    steps: [{ from: 1 }, { at: 30, from: 1, has: { age: '30' } }, { at: 61, from: 2 }],
  },
  {
    section: 'RFC 9111, 4.2.1',
    title: 'Expires is relative to Date, by the clock of the origin',
    origin: { headers: { date: httpDate(1000), expires: httpDate(1060) } },
    steps: [{ from: 1 }, { at: 59, from: 1 }, { at: 61, from: 2 }],
  },
  {
    section: 'RFC 9110, 6.6.1',
    title: 'an invalid Date is ignored',
    origin: withCacheControl('max-age=60', { date: 'today' }),
    steps: [{ from: 1 }, { at: 59, from: 1, has: { age: '59' } }, { at: 61, from: 2 }],
  },
  {
    section: 'RFC 9110, 6.6.1',
    title: 'the Date of a hit is the time at which the response was produced',
    origin: withCacheControl('max-age=60', { date: httpDate(0) }),
    steps: [0, 10, 50].map((at) => ({ at, from: 1, has: { date: httpDate(0) } })),
  },
  {
    section: 'RFC 9110, 6.6.1',
    title: 'Date and Age of a hit add up to the current time if the route sets no Date',
    origin: withCacheControl('max-age=60'),
    steps: [
      { from: 1 },
      ...[5, 50].map((at) => ({
        at,
        from: 1,
        check: ({ headers }: { headers: { date?: string; age?: string } }, now: number) => {
          const sum = Date.parse(String(headers.date)) + Number(headers.age) * 1000;
          expect(Math.abs(sum - now)).toBeLessThanOrEqual(1000);
        },
      })),
    ],
  },
];

export const freshness: readonly Rule[] = [
  ...lifetimes,
  ...spelling,
  ...ages,
  {
    section: 'RFC 9111, 5.5',
    title: 'the obsolete Warning has no effect',
    origin: withCacheControl('max-age=60', { warning: '110 - "Response is Stale"' }),
    steps: hits,
  },
];
