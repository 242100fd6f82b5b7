import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import type { AuditReport } from '../../src/doctor/index.js';
import { cleanUp, cli } from '../helpers/cli.js';

const express = JSON.stringify(path.join(__dirname, '../../node_modules/express'));
let directory: string;
let script: string;

beforeEach(() => {
  directory = mkdtempSync(path.join(os.tmpdir(), 'doctor-flags-'));
  script = path.join(directory, 'app.cjs');
  writeFileSync(
    script,
    `const fs = require('node:fs');
    const app = require(${express})();
    app.get('/', (_req, res) => res.send(fs.readFileSync(__filename)));
    app.get('/readyz', (_req, res) => res.send('ok'));
    app.listen(0).keepAliveTimeout = 65_000;`,
  );
});
afterEach(() => {
  cleanUp();
  rmSync(directory, { recursive: true });
});

const doctor = (...flags: string[]) => cli(['doctor', script, '--ci', ...flags]);
const file = (name: string) => path.join(directory, name);
const ofPackage = (silence: unknown) =>
  writeFileSync(file('package.json'), JSON.stringify({ 'express-productionize': { doctor: { silence } } }));

describe('what counts', () => {
  it('is what --only names, without what --silence and package.json accept', async () => {
    ofPackage({ 'synchronous-call': 'the file\nis small' });
    const flags = ['--only', 'synchronous-call,powered-by', '--silence', 'powered-by=we = proud'];
    const { code, out } = await doctor('--json', ...flags, '--fail-on', 'low');
    const { score, findings, silenced, practices } = JSON.parse(out) as AuditReport;
    expect([code, score, findings]).toEqual([0, 100, []]);
    expect(silenced.map(({ id, because }) => [id, because])).toEqual([
      ['synchronous-call', 'the file is small'],
      ['powered-by', 'we = proud'],
    ]);
    expect(practices).toEqual({ 'synchronous calls': 100, security: 100 });
  });
});

describe('--baseline', () => {
  it('is written where it does not exist, and only new faults fail afterwards', async () => {
    const flags = ['--baseline', file('known.json'), '--fail-on', 'low'];
    const first = await doctor(...flags);
    expect([first.code, first.err]).toEqual([0, expect.stringMatching(/wrote \d+ faults to .*known\.json/)]);
    const text = readFileSync(file('known.json'), 'utf8');
    expect((await doctor(...flags)).code).toBe(0);

    writeFileSync(script, readFileSync(script, 'utf8').replace("'/readyz'", "'/other'"));
    const { code, out } = await doctor(...flags, '--json');
    const fresh = (JSON.parse(out) as AuditReport).findings.filter(({ known }) => !known);
    expect([code, fresh.map(({ id }) => id)]).toEqual([1, ['readiness-missing']]);
    expect(readFileSync(file('known.json'), 'utf8')).toBe(text);

    expect((await doctor(...flags, '--write-baseline')).code).toBe(0);
    expect(readFileSync(file('known.json'), 'utf8')).toContain('readiness-missing');
  });

  it('is refused where it is broken, or would contain some checks only', async () => {
    writeFileSync(file('broken.json'), '{"schema":1,"findings":[{"id":{}}]}');
    const broken = await doctor('--baseline', file('broken.json'));
    expect([broken.code, broken.err]).toEqual([2, expect.stringMatching(/broken\.json" is no baseline/)]);
    const partial = await doctor('--baseline', file('new.json'), '--only', 'domain');
    expect([partial.code, existsSync(file('new.json'))]).toEqual([2, false]);
  });
});

describe('an output', () => {
  it('is a file where one is named, in both ways, and does not replace the report that is printed', async () => {
    const first = await doctor(`--markdown=${file('one')}`, '--json');
    const second = await doctor('--markdown', file('two.md'));
    expect(JSON.parse(first.out)).toMatchObject({ schema: 1, measured: null });
    expect(second.out).toMatch(/app\.cjs: \d+ of 100/);
    for (const name of ['one', 'two.md']) expect(readFileSync(file(name), 'utf8')).toMatch(/^### Doctor: `/);
  });

  it('is printed where none is named', async () => {
    expect((await doctor('--markdown')).out).toMatch(/^### Doctor: `/);
    expect((await doctor('--annotations')).out).toMatch(/^::error file=.*app\.cjs,line=3,title=A request/);
  });
});
