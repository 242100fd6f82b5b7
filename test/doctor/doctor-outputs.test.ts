import { readFileSync } from 'node:fs';
import path from 'node:path';
import { Ajv } from 'ajv';
import { filterReport } from '../../src/doctor/filters.js';
import { annotations } from '../../src/doctor/report/annotations.js';
import { markdownReport } from '../../src/doctor/report/markdown-report.js';
import { previewReport, terminalReport } from '../../src/doctor/report/terminal-report.js';
import { finding, hostileReport, hostileTexts, reportWith } from '../helpers/audit-reports.js';

const schema = JSON.parse(readFileSync(path.join(__dirname, '../../docs/doctor-schema.json'), 'utf8'));
const validate = new Ajv({
  strict: true,
  strictTypes: false,
  strictRequired: false,
  allErrors: true,
}).compile(schema);
const plain = (_style: string, text: string): string => text;
const slow = { text: 'fs.readFileSync', route: 'GET /file', file: 'src/app.js', line: 12 };
const faulty = reportWith(
  finding('powered-by', { text: 'Express' }),
  finding('synchronous-call', slow, { ...slow, line: 40 }),
);
const clean = reportWith();
const accepted = filterReport(faulty, {
  only: [],
  silenced: { 'powered-by': 'an old client reads it' },
});

describe('the JSON of a report', () => {
  const errorsOf = (value: unknown) => (validate(JSON.parse(JSON.stringify(value))) ? [] : validate.errors);

  it.each([
    ['without faults', clean],
    ['with faults', faulty],
    ['with a silenced fault', accepted],
    ['with a preview', { ...faulty, preview: clean }],
    ['with hostile texts', hostileReport()],
  ])('has the documented schema %s', (_what, report) => {
    expect(errorsOf(report)).toEqual([]);
  });

  it.each([
    { ...clean, schema: 2 },
    { ...clean, score: 101 },
    { ...clean, other: 1 },
    { ...clean, practices: { dancing: 1 } },
    { ...faulty, findings: [{ ...finding('powered-by'), evidence: [] }] },
  ])('does not have it where something is wrong (%#)', (report) => {
    expect(errorsOf(report)).not.toEqual([]);
  });
});

describe('the report on a terminal', () => {
  it('names a silenced fault with its reason, and a known one in one line', () => {
    const [first, ...others] = faulty.findings;
    const known = {
      ...accepted,
      findings: [{ ...(first as object), known: true }, ...others],
    } as typeof accepted;
    const text = terminalReport('app.js', known, plain);
    expect(text).toMatch(/ silenced .*\(powered-by\): an old client reads it/);
    expect(text).toMatch(/ known {4}A request calls a synchronous function \(synchronous-call\)/);
    expect(text).not.toContain('fs.readFileSync');
  });

  it('has no control character of the app, and no line that the app has begun', () => {
    const report = hostileReport();
    for (const text of [
      terminalReport('a\u001b.js', report, plain),
      previewReport('a', report, report, plain),
    ]) {
      expect(text.replaceAll('\n', '')).not.toMatch(/[\p{Cc}\p{Cf}]/u);
      expect(text).not.toMatch(/^\s*(::|##)/m);
    }
  });
});

describe('the report as Markdown', () => {
  it('has the score, each fault with its places and its fix, and the practices', () => {
    const text = markdownReport('app.js', faulty, clean);
    expect(text).toContain('**83 of 100**, 2 faults. With `productionize(app)`: **100 of 100**');
    expect(text).toContain('- **high**: A request calls a synchronous function (`synchronous-call`)');
    expect(text).toContain('  - `GET /file` `fs.readFileSync` `src/app.js:12`');
    expect(text).toContain(faulty.findings[0]?.fix);
    expect(text).toContain('| synchronous calls | 85 | 100 |');
  });

  it('states why a fault is silenced', () => {
    expect(markdownReport('app.js', accepted)).toContain(
      'silenced: X-Powered-By names the framework (`powered-by`), because `an old client reads it`',
    );
  });

  it('has texts of the app in code spans only', () => {
    const outside = markdownReport('x`y.js', hostileReport()).replace(/(`+)(?!`).+?(?<!`)\1(?!`)/g, '');
    expect(outside).not.toMatch(/script|img|onload|everyone|evil|three|warning::/);
    expect(outside).not.toMatch(/^::|\p{Cc}(?<!\n)/mu);
  });
});

describe('the annotations for GitHub', () => {
  it('name the file and the line of each new fault', () => {
    const lines = annotations('app.js', faulty).split('\n');
    expect(lines.slice(0, 2)).toEqual([
      expect.stringMatching(/^::error file=src\/app\.js,line=12,title=A request .*::GET \/file {2}fs\.read/),
      expect.stringMatching(/^::error file=src\/app\.js,line=40,/),
    ]);
    expect(lines[2]).toMatch(/^::notice file=app\.js,title=.*\(powered-by\)::Express%0A/);
    expect(lines[3]).toBe('::notice title=Doctor::app.js: 83 of 100, 2 faults');
  });

  it('leave out what is in the baseline or silenced', () => {
    const known = { ...accepted, findings: accepted.findings.map((each) => ({ ...each, known: true })) };
    expect(annotations('app.js', known)).toBe('::notice title=Doctor::app.js: 85 of 100, 1 fault');
  });

  it('are one command per line, however hostile a text is', () => {
    for (const text of hostileTexts) {
      const evidence = { text, file: `${text},line=7::x`, line: 3 };
      const lines = annotations(text, reportWith(finding('domain', evidence))).split('\n');
      expect(lines).toHaveLength(2);
      const [, properties = ''] = /^::warning (.*?)::/.exec(lines[0] as string) ?? [];
      expect(properties.split(',').map((each) => each.split('=', 1)[0])).toEqual(['file', 'line', 'title']);
      expect(lines.join('')).not.toMatch(/\p{Cc}/u);
    }
  });
});
