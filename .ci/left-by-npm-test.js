// Prints the test files that `npm test` did not prove on this Node: those that it does not select, those that depend on
// TEST_EFFORT, and those in which a test was skipped because a program is missing.
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';

const [report, ...projects] = process.argv.slice(2);

function testFiles(...args) {
  const jest = ['node_modules/jest/bin/jest.js', '--listTests', '--json', '--selectProjects', ...projects];
  const printed = execFileSync(process.execPath, [...jest, ...args], {
    encoding: 'utf8',
    env: { ...process.env, TEST_EFFORT: 'full' },
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  return JSON.parse(printed.slice(printed.indexOf('["')));
}

const again = new Set(testFiles('--findRelatedTests', 'test/helpers/repetitions.ts'));
const proven = new Set(
  JSON.parse(readFileSync(report, 'utf8'))
    .testResults.filter(({ name, status, assertionResults }) => {
      const complete = assertionResults.every((test) => test.status === 'passed');
      return status === 'passed' && complete && !again.has(name);
    })
    .map(({ name }) => name),
);
console.log(
  testFiles()
    .filter((file) => !proven.has(file))
    .join('\n'),
);
