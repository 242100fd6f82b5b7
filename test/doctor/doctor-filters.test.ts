import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { parse } from '../../src/cli/command.js';
import { doctor } from '../../src/cli/doctor.js';
import { baselineOf } from '../../src/cli/doctor-baseline.js';
import { filtersOf } from '../../src/cli/doctor-filters.js';
import { outputOf } from '../../src/cli/doctor-outputs.js';
import { compareWith, formatBaseline, parseBaseline } from '../../src/doctor/baseline.js';
import { filterReport } from '../../src/doctor/filters.js';
import { finding, reportWith } from '../helpers/audit-reports.js';

const none = { only: [], silenced: {} };
const slow = { text: 'fs.readFileSync', route: 'GET /file', file: 'src/app.js', line: 12 };
const report = reportWith(
  finding('powered-by', { text: 'Express' }),
  finding('synchronous-call', slow),
  finding('domain', { text: 'node:domain is loaded' }),
);
const known = (baseline: string, other = report) => {
  const parsed = parseBaseline(baseline);
  if (!parsed) throw new Error('no baseline');
  return compareWith(parsed, other)
    .findings.filter((each) => each.known)
    .map(({ id }) => id);
};

describe('a silenced fault', () => {
  it('costs no points, in the score and in that of its practice, and is listed with its reason', () => {
    const silenced = { 'synchronous-call': 'it is a small file' };
    const filtered = filterReport(report, { ...none, silenced });
    expect([report.score, filtered.score]).toEqual([77, 92]);
    expect([report.practices['synchronous calls'], filtered.practices['synchronous calls']]).toEqual([
      85, 100,
    ]);
    expect(filtered.findings.map(({ id }) => id)).toEqual(['domain', 'powered-by']);
    expect(filtered.silenced).toMatchObject([{ id: 'synchronous-call', because: 'it is a small file' }]);
  });

  it('is not listed where the app does not have it', () => {
    const silenced = { 'compression-twice': 'a reason' };
    expect(filterReport(report, { ...none, silenced })).toEqual(report);
  });
});

describe('a choice of checks', () => {
  it('leaves their faults, and the practices of these checks', () => {
    const filtered = filterReport(report, { ...none, only: ['domain', 'compression-missing'] });
    expect(filtered.findings.map(({ id }) => id)).toEqual(['domain']);
    expect([filtered.score, filtered.practices]).toEqual([94, { compression: 100, exceptions: 94 }]);
  });
});

describe('a baseline', () => {
  it('contains the faults of its report, also when lines have moved', () => {
    const moved = reportWith(finding('synchronous-call', { ...slow, line: 99, text: 'fs.statSync' }));
    expect(known(formatBaseline(report))).toEqual(['synchronous-call', 'domain', 'powered-by']);
    expect(known(formatBaseline(report), moved)).toEqual(['synchronous-call']);
  });

  it('does not contain a fault that has a further place', () => {
    const further = reportWith(finding('synchronous-call', slow, { ...slow, route: 'GET /other' }));
    expect(known(formatBaseline(report), further)).toEqual([]);
  });

  it('is the same text for the same faults in another order', () => {
    const reversed = { ...report, findings: [...report.findings].reverse() };
    expect(formatBaseline(reversed)).toBe(formatBaseline(report));
  });

  it('does not change the score', () => {
    const parsed = parseBaseline(formatBaseline(report));
    expect(compareWith(parsed as NonNullable<typeof parsed>, report).score).toBe(report.score);
  });

  it('may have names of Object.prototype, which are those of no fault', () => {
    const text =
      '{"schema":1,"findings":[{"id":"__proto__","places":["constructor"]}],"__proto__":{"schema":1}}';
    expect(known(text)).toEqual([]);
  });

  it.each([
    '',
    'null',
    '[]',
    '{',
    '"text"',
    '{"schema":2,"findings":[]}',
    '{"schema":1,"findings":{}}',
    '{"schema":1,"findings":[null]}',
    '{"schema":1,"findings":[{"id":1,"places":[]}]}',
    '{"schema":1,"findings":[{"id":"domain","places":[1]}]}',
    '{"__proto__":{"schema":1,"findings":[]}}',
  ])('is refused where it is %j', (text) => {
    expect(parseBaseline(text)).toBeUndefined();
  });
});

describe('a flag that is refused', () => {
  const check = (...flags: string[]) => {
    const args = parse('doctor', doctor, flags);
    return [filtersOf(args, __filename), baselineOf(args), outputOf(args)];
  };

  it.each([
    [['--only', 'domian'], '--only: there is no check "domian". Did you mean domain?'],
    [['--only', ''], '--only: there is no check "".'],
    [['--only', 'domain,'], '--only: there is no check "".'],
    [['--silence', 'power-by=x'], '--silence: there is no check "power-by". Did you mean powered-by?'],
    [['--silence', '__proto__=x'], '--silence: there is no check "__proto__".'],
    [['--silence', 'domain'], '--silence: expected the reason why domain is accepted'],
    [['--silence', 'domain= \n'], '--silence: expected the reason why domain is accepted'],
    [['--write-baseline'], '--write-baseline belongs to --baseline'],
    [['--baseline', 'no-such-file', '--only', 'domain'], 'a baseline of some checks cannot be written'],
    [['--baseline', os.tmpdir()], '--baseline: EISDIR'],
    [['--json', '--markdown'], '--json and --markdown: expected one of them, or a file'],
    [['--annotations', '--json'], '--json and --annotations'],
  ])('is %j', (flags, message) => {
    expect(() => check(...flags)).toThrow(message);
  });

  it('is none of those that are documented', () => {
    const flags = [
      '--only',
      'domain',
      '--silence',
      'domain=a',
      '--silence',
      'powered-by=b\nc',
      '--markdown',
      '--x.md',
    ];
    expect(() => check(...flags.slice(0, -1))).not.toThrow();
    expect(() => check(...flags)).toThrow('unknown option');
  });
});

describe('package.json', () => {
  let directory: string;
  beforeEach(() => {
    directory = mkdtempSync(path.join(os.tmpdir(), 'doctor-filters-'));
  });
  afterEach(() => rmSync(directory, { recursive: true }));

  const silenceOf = (text: string, ...flags: string[]) => {
    writeFileSync(path.join(directory, 'package.json'), text);
    return Object.entries(filtersOf(parse('doctor', doctor, flags), path.join(directory, 'app.js')).silenced);
  };
  const silence = (value: unknown) =>
    JSON.stringify({ 'express-productionize': { doctor: { silence: value } } });

  it('silences checks; a flag has precedence', () => {
    const text = silence({ domain: 'a\n reason', 'powered-by': 'other' });
    expect(silenceOf(text, '--silence', 'powered-by=we = proud')).toEqual([
      ['domain', 'a reason'],
      ['powered-by', 'we = proud'],
    ]);
    for (const other of ['{}', '[]', 'null', '{"express-productionize":7}'])
      expect(silenceOf(other)).toEqual([]);
  });

  it.each([
    ['{ broken', 'package.json is not valid JSON'],
    ['', 'package.json is not valid JSON'],
    [silence(['domain']), 'expected an object of ids and reasons'],
    [silence(null), 'expected an object of ids and reasons'],
    [silence({ domain: 1 }), 'expected the reason why domain'],
    [silence({ domian: 'x' }), 'Did you mean domain?'],
    ['{"express-productionize":{"doctor":{"silence":{"__proto__":"x"}}}}', 'there is no check "__proto__"'],
  ])('is refused as %s', (text, message) => {
    expect(() => silenceOf(text)).toThrow(message);
  });
});
