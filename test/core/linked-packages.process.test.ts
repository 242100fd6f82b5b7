import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

const root = path.resolve(__dirname, '../..');

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(path.join(tmpdir(), 'linked-'));
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

function write(file: string, text: string): void {
  mkdirSync(path.join(directory, path.dirname(file)), { recursive: true });
  writeFileSync(path.join(directory, file), text);
}

/** Runs code with pipes for stdout and stderr, in a project with the links of pnpm: the package `engine` requires `part`. */
function runLinked(code: string, ...nodeArgs: string[]): string {
  write('node_modules/.pnpm/engine@1.0.0/node_modules/engine/index.js', "module.exports = require('part');");
  write('node_modules/.pnpm/engine@1.0.0/node_modules/part/index.js', "module.exports = 'found';");
  symlinkSync('.pnpm/engine@1.0.0/node_modules/engine', path.join(directory, 'node_modules/engine'));
  write('app.cjs', code);
  const { stdout, stderr } = spawnSync(process.execPath, [...nodeArgs, path.join(directory, 'app.cjs')], {
    cwd: directory,
    encoding: 'utf8',
    env: { ...process.env, NODE_ENV: 'development' },
  });
  return stdout + stderr;
}

const library = JSON.stringify(path.join(root, 'dist/index.cjs'));
const logging = JSON.stringify(path.join(root, 'dist/logging.cjs'));
const required = "console.log(require('engine')); process.exit();";

it.each(['express', 'express4'])(
  'a package that is linked is found after productionize, on %s',
  (express) => {
    const app = `require(${JSON.stringify(require.resolve(express))})()`;
    const code = `const app = ${app}; require(${library}).productionize(app); ${required}`;
    expect(runLinked(code)).toMatch(/^found$/m);
  },
);

it('a package that is linked is found beside the detector of synchronous calls', () => {
  expect(runLinked(required, '--require', path.join(root, 'dist/sync-io.cjs'))).toMatch(/^found$/m);
});

it('a package that is linked is found after a log to a FIFO or a pipe was opened', () => {
  const fifo = path.join(directory, 'log');
  expect(spawnSync('mkfifo', [fifo]).status).toBe(0);
  const code = `const { createLogDestination } = require(${logging});
    createLogDestination({ path: ${JSON.stringify(fifo)} }); createLogDestination({ fd: 2 }); ${required}`;
  expect(runLinked(code)).toMatch(/^found$/m);
});
