import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, statSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const bench = path.dirname(fileURLToPath(import.meta.url));
export const root = path.dirname(bench);

const quiet = ['--no-audit', '--no-fund', '--loglevel=error'];

function npm(...args) {
  // its output is no part of the result, which goes to stdout
  execFileSync('npm', [...args, ...quiet], { cwd: root, stdio: ['ignore', process.stderr, process.stderr] });
}

const changed = (file) => (existsSync(file) ? statSync(file).mtimeMs : 0);

/** Installs the packages that are compared, when they are missing or older than the lock. */
export function installPeers() {
  const installed = changed(path.join(bench, 'node_modules/.package-lock.json'));
  if (installed < changed(path.join(bench, 'package-lock.json')))
    npm('ci', '--include=dev', '--prefix', bench);
}

/** Builds the library when it was never built; says so when what is built is not what is in `src`. */
export function buildLibrary(warn) {
  const built = changed(path.join(root, 'dist/index.js'));
  const src = path.join(root, 'src');
  if (built === 0) npm('run', '--silent', 'build:js');
  else if (readdirSync(src, { recursive: true }).some((file) => changed(path.join(src, file)) > built)) {
    warn('src is newer than dist: this measures dist. `npm run build:js` builds it.');
  }
}

/** The binary of a major version of Node, installed on first use; without a version, the one that runs this. */
export function nodeBinary(major) {
  if (major === undefined) return process.execPath;
  const name = `node-${process.platform}-${process.arch}`;
  const prefix = path.join(root, '.tmp', `node${major}`);
  const binary = path.join(prefix, 'node_modules', name, 'bin/node');
  if (!existsSync(binary)) {
    mkdirSync(prefix, { recursive: true });
    npm('install', '--no-save', '--ignore-scripts', '--prefix', prefix, `${name}@${major}`);
  }
  return binary;
}
