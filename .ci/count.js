// Prints the sum of the reports of Jest as `N passed, N failed`: count.js <status of the gate> <number of runs> <reports>.
// In the place of a file that failed stands its second run: in `<name>-again.json`, after `npm test` in `left-20.json`.
import { existsSync, readFileSync } from 'node:fs';

const [status, runs, ...reports] = process.argv.slice(2);
const again = reports.filter((report) => report.endsWith('-again.json'));
const first = reports.filter((report) => !again.includes(report));
const resultsOf = (report) => JSON.parse(readFileSync(report, 'utf8')).testResults;
const isReport = (report, name) => report.endsWith(`/${name}.json`);
const unsteady = [];
let passed = 0;
let failed = 0;

function count(results, skippedFails) {
  for (const { status, assertionResults } of results) {
    const having = (...states) => assertionResults.filter((test) => states.includes(test.status)).length;
    const failures = having('failed') + (skippedFails ? having('pending', 'todo') : 0);
    passed += having('passed');
    // a file that could not be loaded has no results
    failed += status === 'failed' ? Math.max(failures, 1) : failures;
  }
}

for (const report of first) {
  const second = isReport(report, 'npm-test')
    ? first.find((other) => isReport(other, 'left-20'))
    : report.replace(/\.json$/, '-again.json');
  const repeated = second && existsSync(second) ? resultsOf(second) : [];
  const isRepeated = (result) =>
    result.status === 'failed' && repeated.some(({ name }) => name === result.name);
  const results = resultsOf(report);
  // what `npm test` skips is run afterwards
  count(
    results.filter((result) => !isRepeated(result)),
    !isReport(report, 'npm-test'),
  );
  unsteady.push(...results.filter(isRepeated).map(({ name }) => name));
}
for (const report of again) count(resultsOf(report), true);

for (const file of unsteady)
  console.log(`unsteady, it failed and was run again: ${file.slice(process.cwd().length + 1)}`);
if (first.length !== Number(runs) || status !== '0') failed = Math.max(failed, 1);
console.log(`${passed} passed, ${failed} failed`);
process.exitCode = failed ? 1 : 0;
