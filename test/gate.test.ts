import { execFileSync } from 'node:child_process';
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
