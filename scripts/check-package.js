// Packs the package and uses it as npm users do: CJS and ESM, JavaScript and TypeScript, Express 4 and 5.
// The TypeScript projects are C13: no cast is needed with no-misused-promises on.
import { execFileSync } from 'node:child_process';
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

const root = path.resolve(import.meta.dirname ?? path.dirname(new URL(import.meta.url).pathname), '..');
const projects = path.join(root, 'test/package');
const work = mkdtempSync(path.join(tmpdir(), 'check-package-'));
const npmInstall = ['install', '--no-audit', '--no-fund', '--no-save', '--loglevel=error'];

function run(command, args, cwd) {
  execFileSync(command, args, { cwd, stdio: ['ignore', 'inherit', 'inherit'] });
}

function bytesBelow(folder) {
  let bytes = 0;
  for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
    if (entry.isFile()) bytes += statSync(path.join(entry.parentPath ?? entry.path, entry.name)).size;
  }
  return bytes;
}

try {
  const [{ filename, size, entryCount }] = JSON.parse(
    execFileSync('npm', ['pack', '--json', '--pack-destination', work], { cwd: root, encoding: 'utf8' }),
  );
  const tarball = path.join(work, filename);
  console.log(`packed: ${(size / 1024).toFixed(0)} kB in ${entryCount} files`);

  run('npx', ['publint', '--strict', tarball], root);
  run('npx', ['attw', tarball, '--profile', 'node16'], root);

  for (const name of ['cjs', 'esm', 'ts-cjs', 'ts-esm']) {
    const project = path.join(work, name);
    cpSync(path.join(projects, name), project, { recursive: true });
    cpSync(path.join(projects, 'check.cjs'), path.join(project, name === 'cjs' ? 'check.js' : 'check.cjs'));
    run('npm', [...npmInstall], project);
    run('npm', [...npmInstall, tarball], project);
    if (name.startsWith('ts-')) {
      cpSync(path.join(projects, 'app.ts'), path.join(project, 'app.ts'));
      cpSync(path.join(projects, 'check.d.cts'), path.join(project, 'check.d.cts'));
      run('npx', ['tsc', '-p', '.'], project);
      run('npx', ['eslint', 'app.ts'], project);
      cpSync(path.join(projects, 'check.cjs'), path.join(project, 'out/check.cjs'));
      run('node', ['out/app.js'], project);
    } else {
      run('node', ['app.js'], project);
    }
    console.log(`${name}: works`);
  }

  const alone = path.join(work, 'alone');
  mkdirSync(alone);
  writeFileSync(path.join(alone, 'package.json'), '{ "private": true }');
  run('npm', [...npmInstall, '--omit=peer', tarball], alone);
  const installed = path.join(alone, 'node_modules');
  const { packages } = JSON.parse(readFileSync(path.join(installed, '.package-lock.json'), 'utf8'));
  const count = Object.keys(packages).length;
  console.log(
    `installed: ${(bytesBelow(installed) / 1024).toFixed(0)} kB in ${count} packages, Express not counted`,
  );
} finally {
  rmSync(work, { recursive: true, force: true });
}
