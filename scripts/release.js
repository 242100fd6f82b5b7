// Publishes the package after all that a release needs was checked, the gate included; a dry run without --publish.
import { execFileSync, spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { parseArgs } from 'node:util';

const root = path.resolve(import.meta.dirname ?? path.dirname(new URL(import.meta.url).pathname), '..');
const addresses = ['repository', 'homepage', 'bugs'];

function read(file) {
  return readFileSync(path.join(root, file), 'utf8');
}

function succeeds(command, args) {
  return spawnSync(command, args, { cwd: root, stdio: 'inherit' }).status === 0;
}

/** All that has to be put right before the gate is worth its time. */
function findProblems() {
  const manifest = JSON.parse(read('package.json'));
  const problems = addresses
    .filter((name) => !(manifest[name]?.url ?? manifest[name]))
    .map((name) => `package.json has no \`${name}\`: the publisher has to give one.`);
  const changed = execFileSync('git', ['status', '--porcelain'], { cwd: root, encoding: 'utf8' }).trimEnd();
  if (changed !== '') problems.push(`The work tree is not clean:\n${changed}`);
  const heading = `## ${manifest.version}`;
  if (!read('CHANGELOG.md').split(/\r?\n/).includes(heading)) {
    problems.push(`CHANGELOG.md has no section \`${heading}\`.`);
  }
  return problems;
}

function refuse(problems) {
  for (const problem of problems) console.error(`release: ${problem}`);
  process.exit(1);
}

let options;
try {
  options = parseArgs({ options: { publish: { type: 'boolean', default: false } } }).values;
} catch (error) {
  refuse([`${error.message} The only option is --publish.`]);
}

const problems = findProblems();
if (problems.length > 0) refuse(problems);
if (!succeeds('bash', ['.ci/run'])) refuse(['The gate, `bash .ci/run`, did not pass.']);
if (!succeeds('npm', ['publish', ...(options.publish ? [] : ['--dry-run'])]))
  refuse(['`npm publish` failed.']);
if (!options.publish) console.log('Nothing was published: that takes --publish.');
