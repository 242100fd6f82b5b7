import { httpDate, kept, notKept, type Rule, says } from './rule.js';

const lifetimes: Rule[] = [
  {
    section: 'RFC 9111, 4.2',
    title: 'an answer is fresh while its lifetime is greater than its age, and not longer',
    origin: says('max-age=60'),
    asks: [{ from: 1 }, { at: 59, from: 1 }, { at: 60, from: 2 }, { at: 119, from: 2 }, { at: 120, from: 3 }],
  },
  {
    section: 'RFC 9111, 4.2',
    title: 'max-age=0 is stale from the start',
    origin: says('max-age=0'),
    asks: [{ from: 1 }, { from: 2 }],
  },
  {
    section: 'RFC 9111, 5.2.2.10',
    title: 's-maxage goes before max-age: longer',
    origin: says('max-age=5, s-maxage=60'),
    asks: [{ from: 1 }, { at: 59, from: 1 }, { at: 60, from: 2 }],
  },
  {
    section: 'RFC 9111, 5.2.2.10',
    title: 's-maxage goes before max-age: shorter',
    origin: says('s-maxage=5, max-age=60'),
    asks: [{ from: 1 }, { at: 4, from: 1 }, { at: 5, from: 2 }],
  },
  {
    section: 'RFC 9111, 5.2.2.10',
    title: 's-maxage=0 beside max-age is stale from the start',
    origin: says('max-age=60, s-maxage=0'),
    asks: [{ from: 1 }, { from: 2 }],
  },
  {
    section: 'RFC 9111, 5.2.2.10',
    title: 's-maxage alone gives a lifetime',
    origin: says('s-maxage=60'),
    asks: [{ from: 1 }, { at: 59, from: 1 }, { at: 60, from: 2 }],
  },
  {
    section: 'RFC 9111, 5.3',
    title: 'Expires alone gives a lifetime',
    origin: { headers: { expires: httpDate(60), date: httpDate(0) } },
    asks: [{ from: 1 }, { at: 59, from: 1 }, { at: 60, from: 2 }],
  },
  {
    section: 'RFC 9111, 5.3',
    title: 'Expires without Date counts from when the answer came',
    origin: { headers: { expires: httpDate(60) } },
    asks: [{ from: 1 }, { at: 59, from: 1 }, { at: 61, from: 2 }],
  },
  {
    section: 'RFC 9111, 5.3',
    title: 'max-age goes before Expires: longer',
    origin: says('max-age=60', { expires: httpDate(-100) }),
    asks: [{ from: 1 }, { at: 59, from: 1 }, { at: 60, from: 2 }],
  },
  {
    section: 'RFC 9111, 5.3',
    title: 'max-age goes before Expires: shorter',
    origin: says('max-age=5', { expires: httpDate(1000) }),
    asks: [{ from: 1 }, { at: 4, from: 1 }, { at: 5, from: 2 }],
  },
  {
    section: 'RFC 9111, 5.3',
    title: 's-maxage goes before Expires',
    origin: says('s-maxage=60', { expires: '0' }),
    asks: [{ from: 1 }, { at: 59, from: 1 }, { at: 60, from: 2 }],
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
      asks: notKept,
    }),
  ),
  {
    section: 'RFC 9110, 5.6.7',
    title: 'Expires in the form of RFC 850 is understood',
    origin: { headers: { date: httpDate(0), expires: 'Wednesday, 01-Jan-31 12:01:00 GMT' } },
    asks: [{ from: 1 }, { at: 59, from: 1 }, { at: 61, from: 2 }],
  },
  {
    section: 'RFC 9110, 5.6.7',
    title: 'Expires in the form of asctime is understood, and is in GMT',
    origin: { headers: { date: httpDate(0), expires: 'Wed Jan  1 12:01:00 2031' } },
    asks: [{ from: 1 }, { at: 59, from: 1 }, { at: 61, from: 2 }],
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
      origin: says(value),
      asks: [{ from: 1 }, { at: 59, from: 1 }, { at: 60, from: 2 }],
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
      title: `${JSON.stringify(value)} gives no lifetime`,
      origin: says(value),
      asks: notKept,
    }),
  ),
  ...['max-age=1e9', 'max-age=0x7fffffff', 'max-age=60s', 'max-age=60.5', 'max-age=+60'].map(
    (value): Rule => ({
      section: 'RFC 9111, 4.2.1',
      title: `${JSON.stringify(value)} is no number of seconds, and stale`,
      origin: says(value),
      asks: notKept,
    }),
  ),
  {
    section: 'RFC 9111, 4.2.1',
    title: 'an invalid s-maxage does not leave the word to max-age',
    origin: says('max-age=60, s-maxage=soon'),
    asks: notKept,
  },
  {
    section: 'RFC 9111, 4.2.1',
    title: 'of two lifetimes the longer, second one is not believed',
    origin: says('max-age=10, max-age=1000'),
    asks: [{ from: 1 }, { at: 11, from: 2 }],
  },
  {
    section: 'RFC 9111, 4.2.1',
    title: 'nor on a second line',
    origin: says(['max-age=10', 'max-age=1000']),
    asks: [{ from: 1 }, { at: 11, from: 2 }],
  },
  {
    section: 'RFC 9111, 4.2.1',
    title: 'a directive in quotes does not stand for the one outside',
    origin: says('x="y, max-age=1000", max-age=10'),
    asks: [{ from: 1 }, { at: 9, from: 1 }, { at: 11, from: 2 }],
  },
  ...['2147483648', '4294967296', '99999999999999999999999999'].map(
    (seconds): Rule => ({
      section: 'RFC 9111, 1.2.2',
      title: `max-age=${seconds} overflows to a very long time`,
      origin: says(`max-age=${seconds}`),
      asks: [{ from: 1 }, { at: 86_400 * 300, from: 1 }],
    }),
  ),
];

const ages: Rule[] = [
  {
    section: 'RFC 9111, 5.1',
    title: 'a hit has an Age, an answer of the origin has none',
    origin: says('max-age=60'),
    asks: [
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
    title: 'the Age of an upstream cache counts',
    origin: says('max-age=60', { age: '50' }),
    asks: [{ from: 1 }, { at: 5, from: 1, has: { age: '55' } }, { at: 10, from: 2 }],
  },
  {
    section: 'RFC 9111, 4.2.3',
    title: 'an Age beyond the lifetime leaves nothing',
    origin: says('max-age=60', { age: '60' }),
    asks: notKept,
  },
  ...['-50', 'old', '', '1.5'].map(
    (age): Rule => ({
      section: 'RFC 9111, 5.1',
      title: `Age: ${JSON.stringify(age)} is passed over`,
      origin: says('max-age=60', { age }),
      asks: [{ from: 1 }, { at: 30, from: 1, has: { age: '30' } }, { at: 61, from: 2 }],
    }),
  ),
  {
    section: 'RFC 9111, 5.1',
    title: 'an Age that overflows is very old',
    origin: says('max-age=60', { age: '99999999999999999999' }),
    asks: notKept,
  },
  {
    section: 'RFC 9111, 4.2.3',
    title: 'a Date in the past is an age',
    origin: says('max-age=60', { date: httpDate(-30) }),
    asks: [{ from: 1 }, { at: 10, from: 1, has: { age: '40', date: httpDate(-30) } }, { at: 31, from: 2 }],
  },
  {
    section: 'RFC 9111, 4.2.3',
    title: 'the greater of Age and the age by Date counts: Date',
    origin: says('max-age=60', { date: httpDate(-30), age: '10' }),
    asks: [{ from: 1 }, { at: 10, from: 1, has: { age: '40' } }, { at: 31, from: 2 }],
  },
  {
    section: 'RFC 9111, 4.2.3',
    title: 'the greater of Age and the age by Date counts: Age',
    origin: says('max-age=60', { date: httpDate(-10), age: '30' }),
    asks: [{ from: 1 }, { at: 10, from: 1, has: { age: '40' } }, { at: 31, from: 2 }],
  },
  {
    section: 'RFC 9111, 4.2.3',
    title: 'a Date in the future does not make an answer younger',
    origin: says('max-age=60', { date: httpDate(1000) }),
    asks: [{ from: 1 }, { at: 30, from: 1, has: { age: '30' } }, { at: 61, from: 2 }],
  },
  {
    section: 'RFC 9111, 4.2.1',
    title: 'Expires counts from Date, by the clock of the origin',
    origin: { headers: { date: httpDate(1000), expires: httpDate(1060) } },
    asks: [{ from: 1 }, { at: 59, from: 1 }, { at: 61, from: 2 }],
  },
  {
    section: 'RFC 9110, 6.6.1',
    title: 'a Date that is none is passed over',
    origin: says('max-age=60', { date: 'today' }),
    asks: [{ from: 1 }, { at: 59, from: 1, has: { age: '59' } }, { at: 61, from: 2 }],
  },
  {
    section: 'RFC 9110, 6.6.1',
    title: 'the Date of a hit is when the answer was made',
    origin: says('max-age=60', { date: httpDate(0) }),
    asks: [0, 10, 50].map((at) => ({ at, from: 1, has: { date: httpDate(0) } })),
  },
  {
    section: 'RFC 9110, 6.6.1',
    title: 'Date and Age of a hit add up to now, where the route sets no Date',
    origin: says('max-age=60'),
    asks: [
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
    title: 'Warning is obsolete and says nothing',
    origin: says('max-age=60', { warning: '110 - "Response is Stale"' }),
    asks: kept,
  },
];
