import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

const root = path.resolve(__dirname, '..');
const test = (name: string) => path.join(root, 'test', `${name}.test.ts`);

function filesBelow(directory: string): string[] {
  return readdirSync(path.join(root, directory), { recursive: true, encoding: 'utf8' })
    .filter((name) => /\.(ts|[cm]?js)$/.test(name))
    .map((name) => path.join(directory, name));
}

describe('what the gate runs again after `npm test`', () => {
  let directory: string;
  beforeEach(() => {
    directory = mkdtempSync(path.join(tmpdir(), 'gate-'));
  });
  afterEach(() => rmSync(directory, { recursive: true, force: true }));

  function left(...results: { name: string; status: string; assertionResults: { status: string }[] }[]) {
    const report = path.join(directory, 'npm-test.json');
    writeFileSync(report, JSON.stringify({ testResults: results }));
    const script = path.join(root, '.ci/left-by-npm-test.js');
    const args = [script, report, 'http', 'process', 'repository'];
    return execFileSync(process.execPath, args, { cwd: root, encoding: 'utf8' }).trim().split('\n');
  }
  const passed = [{ status: 'passed' }];
  const skipped = [{ status: 'passed' }, { status: 'pending' }];

  it('is what it left out, skipped, or repeats more often', () => {
    const again = left(
      { name: test('core/report'), status: 'passed', assertionResults: passed },
      { name: test('core/server'), status: 'passed', assertionResults: skipped },
      { name: test('core/restore'), status: 'failed', assertionResults: passed },
      { name: test('core/express/route-index'), status: 'passed', assertionResults: passed },
    );
    expect(again).not.toContain(test('core/report'));
    const names = [
      // not complete
      'core/server',
      'core/restore',
      // has repetitions, or every case of a table
      'core/express/route-index',
      'middleware/response-cache/response-cache',
      // not run at all
      'core/wire',
      'core/memory.process',
      'bench.process',
    ];
    expect(again).toEqual(expect.arrayContaining(names.map(test)));
    expect(new Set(again).size).toBe(again.length);
  });

  it('depends on TEST_EFFORT through helpers/repetitions alone', () => {
    const readers = [...filesBelow('test'), ...filesBelow('src')].filter((file) =>
      readFileSync(path.join(root, file), 'utf8').includes(`process.env.${'TEST_EFFORT'}`),
    );
    expect(readers).toEqual(['test/helpers/repetitions.ts']);
  });
});

describe('what the gate counts', () => {
  let directory: string;
  beforeEach(() => {
    directory = mkdtempSync(path.join(tmpdir(), 'gate-'));
  });
  afterEach(() => rmSync(directory, { recursive: true, force: true }));

  type Results = { [file: string]: string[] };

  function write(name: string, results: Results): string {
    const report = path.join(directory, `${name}.json`);
    const testResults = Object.entries(results).map(([file, states]) => ({
      name: test(file),
      status: states.length === 0 || states.includes('failed') ? 'failed' : 'passed',
      assertionResults: states.map((status, i) => ({ status, fullName: `test ${i}` })),
    }));
    writeFileSync(report, JSON.stringify({ testResults }));
    return report;
  }

  function run(script: string, ...args: string[]) {
    const { status, stdout } = spawnSync(process.execPath, [path.join(root, '.ci', script), ...args], {
      cwd: root,
      encoding: 'utf8',
    });
    return { status, lines: stdout.trim().split('\n') };
  }

  function counted(reports: { [name: string]: Results }, { status = 0, runs = 1 } = {}) {
    const files = Object.entries(reports).map(([name, results]) => write(name, results));
    return run('count.js', String(status), String(runs), ...files);
  }

  it('is the sum of all runs', () => {
    const reports = { 'all-24': { a: ['passed', 'passed'] }, daemons: { b: ['passed'] } };
    expect(counted(reports, { runs: 2 })).toEqual({ status: 0, lines: ['3 passed, 0 failed'] });
  });

  it.each<[reason: string, reports: { [name: string]: Results }, last: string]>([
    ['a test failed', { daemons: { a: ['passed', 'failed'] } }, '1 passed, 1 failed'],
    ['a test was skipped', { daemons: { a: ['passed', 'pending'] } }, '1 passed, 1 failed'],
    ['a file could not be loaded', { daemons: { a: [], b: ['passed'] } }, '1 passed, 1 failed'],
    [
      'a file failed again',
      { daemons: { a: ['failed', 'failed'], b: ['passed'] }, 'daemons-again': { a: ['passed', 'failed'] } },
      '2 passed, 1 failed',
    ],
  ])('fails when %s', (_, reports, last) => {
    const { status, lines } = counted(reports);
    expect(status).toBe(1);
    expect(lines.at(-1)).toBe(last);
    expect(lines.filter((line) => line.startsWith('failed in '))).toHaveLength(1);
  });

  it('names what failed in its last lines, with the run', () => {
    const reports = { 'all-24': { 'core/a': ['passed', 'failed'] }, daemons: { 'cli/b': [] } };
    expect(counted(reports, { runs: 2 }).lines).toEqual([
      'failed in all-24: test/core/a.test.ts: test 1',
      'failed in daemons: test/cli/b.test.ts: the file itself',
      '1 passed, 2 failed',
    ]);
  });

  it('fails when a run is missing or a step failed', () => {
    const reports = { daemons: { a: ['passed'] } };
    expect(counted(reports, { runs: 2 })).toEqual({ status: 1, lines: ['1 passed, 1 failed'] });
    expect(counted(reports, { status: 1 })).toEqual({ status: 1, lines: ['1 passed, 1 failed'] });
  });

  it('names a file that passed when it was run again', () => {
    const unsteady = (file: string) => `unsteady, it failed and was run again: test/${file}.test.ts`;
    const reports = {
      'npm-test': { a: ['failed', 'passed'], b: ['passed', 'pending'] },
      'left-20': { a: ['passed', 'passed'], b: ['passed', 'passed'], c: ['failed'] },
      'left-20-again': { c: ['passed'] },
    };
    expect(counted(reports, { runs: 2 })).toEqual({
      status: 0,
      lines: [unsteady('a'), unsteady('c'), '6 passed, 0 failed'],
    });
  });

  it('runs again three files that failed, and not four', () => {
    const few = write('few', { a: ['failed'], b: ['failed'], c: [], d: ['passed'] });
    expect(run('failed-files.js', few)).toEqual({ status: 0, lines: ['a', 'b', 'c'].map(test) });
    const many = write('many', { a: ['failed'], b: ['failed'], c: [], d: ['failed'] });
    expect(run('failed-files.js', many)).toEqual({ status: 1, lines: [''] });
    expect(run('failed-files.js', write('none', { a: ['passed'] })).status).toBe(1);
  });
});
