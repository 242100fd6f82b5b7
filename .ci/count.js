// Prints the sum of the reports of Jest as `N passed, N failed`: count.js <status of the gate> <number of runs> <reports>.
// In the place of a file that failed stands its second run: in `<name>-again.json`, after `npm test` in `left-20.json`.
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';

const [status, runs, ...reports] = process.argv.slice(2);
const again = reports.filter((report) => report.endsWith('-again.json'));
const first = reports.filter((report) => !again.includes(report));
const resultsOf = (report) => JSON.parse(readFileSync(report, 'utf8')).testResults;
const isReport = (report, name) => report.endsWith(`/${name}.json`);
const unsteady = [];
const failures = [];
const short = (file) => file.slice(process.cwd().length + 1);
let passed = 0;

function count(report, results, skippedFails) {
  const wrong = skippedFails ? ['failed', 'pending', 'todo'] : ['failed'];
  for (const { name, status, assertionResults } of results) {
    const tests = assertionResults.filter((test) => wrong.includes(test.status)).map((test) => test.fullName);
    passed += assertionResults.filter((test) => test.status === 'passed').length;
    // a file that could not be loaded has no results
    if (status === 'failed' && tests.length === 0) tests.push('the file itself');
    const run = path.basename(report, '.json');
    failures.push(...tests.map((test) => `failed in ${run}: ${short(name)}: ${test}`));
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
    report,
    results.filter((result) => !isRepeated(result)),
    !isReport(report, 'npm-test'),
  );
  unsteady.push(...results.filter(isRepeated).map(({ name }) => name));
}
for (const report of again) count(report, resultsOf(report), true);

for (const file of unsteady) console.log(`unsteady, it failed and was run again: ${short(file)}`);
for (const failure of failures) console.log(failure);
let failed = failures.length;
if (first.length !== Number(runs) || status !== '0') failed = Math.max(failed, 1);
console.log(`${passed} passed, ${failed} failed`);
process.exitCode = failed ? 1 : 0;
