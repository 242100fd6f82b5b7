// Packs a copy of the repository and uses the package as npm users do: CJS and ESM, JavaScript and TypeScript, Express 4
// and 5. The copy has a `dist` of its own, so tests may run at the same time. The TypeScript projects prove that no cast is
// needed where no-misused-promises is on.
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
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import path from 'node:path';

const root = path.resolve(import.meta.dirname ?? path.dirname(new URL(import.meta.url).pathname), '..');
const projects = path.join(root, 'test/package');
const { exports: exported } = JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8'));
const work = mkdtempSync(path.join(tmpdir(), 'check-package-'));
const npmInstall = ['install', '--no-audit', '--no-fund', '--no-save', '--loglevel=error'];

function run(command, args, cwd) {
  execFileSync(command, args, { cwd, stdio: ['ignore', 'inherit', 'inherit'] });
}

function kB(bytes) {
  return Math.round(bytes / 1024);
}

function bytesBelow(folder) {
  let bytes = 0;
  for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
    if (entry.isFile()) bytes += statSync(path.join(entry.parentPath ?? entry.path, entry.name)).size;
  }
  return bytes;
}

function installedBelow(project) {
  const modules = path.join(project, 'node_modules');
  const { packages } = JSON.parse(readFileSync(path.join(modules, '.package-lock.json'), 'utf8'));
  return { bytes: bytesBelow(modules), packages: Object.keys(packages).length };
}

/** What does not fit is an error of the release, not a number to be read. */
function budget(what, value, most) {
  if (value > most) throw new Error(`${what}: ${value}, at most ${most}`);
}

function filesOfExports(entry) {
  if (typeof entry === 'string') return [entry.replace('./', '')];
  return Object.values(entry).flatMap(filesOfExports);
}

/** A copy of what is packed and of what builds it, inside the repository, where its imports are found. */
function copyOfRepository() {
  const temporary = path.join(root, '.tmp');
  mkdirSync(temporary, { recursive: true });
  const copy = mkdtempSync(path.join(temporary, 'package-'));
  for (const name of readdirSync(root)) {
    if (['.git', '.tmp', 'dist', 'node_modules', 'test'].includes(name)) continue;
    cpSync(path.join(root, name), path.join(copy, name), { recursive: true });
  }
  return copy;
}

/** Compiles each file as a program of its own, with and without the declarations of packages. */
function compileEach(project, files) {
  const ts = createRequire(path.join(project, 'package.json'))('typescript');
  const parsed = new Map();
  for (const skipLibCheck of [true, false]) {
    const options = {
      strict: true,
      noEmit: true,
      module: ts.ModuleKind.NodeNext,
      target: ts.ScriptTarget.ES2022,
      types: ['node'],
      skipLibCheck,
    };
    const host = ts.createCompilerHost(options);
    host.getCurrentDirectory = () => project;
    const { getSourceFile } = host;
    // most of the work is to parse declarations, which are those of all programs
    host.getSourceFile = (name, ...rest) => {
      if (!parsed.has(name)) parsed.set(name, getSourceFile.call(host, name, ...rest));
      return parsed.get(name);
    };
    for (const file of files) {
      const program = ts.createProgram([path.join(project, file)], options, host);
      const errors = ts.getPreEmitDiagnostics(program);
      if (errors.length > 0) {
        throw new Error(`${file}, skipLibCheck ${skipLibCheck}: ${ts.formatDiagnostics(errors, host)}`);
      }
    }
  }
}

const repository = copyOfRepository();
try {
  // the build of `npm test` leaves no types in dist: packing has to bring them back
  run('npm', ['run', '--silent', 'build:js'], repository);
  const printed = execFileSync('npm', ['pack', '--json', '--pack-destination', work], {
    cwd: repository,
    encoding: 'utf8',
  });
  const [{ filename, size, entryCount, files }] = JSON.parse(printed.slice(printed.search(/^\[/m)));
  const tarball = path.join(work, filename);
  console.log(`packed: ${kB(size)} kB in ${entryCount} files`);
  budget('kB packed', kB(size), 600);

  const packed = new Set(files.map((file) => file.path));
  const missing = filesOfExports(exported).filter((file) => !packed.has(file));
  if (missing.length > 0) throw new Error(`exported but not in the package: ${missing.join(', ')}`);

  run('npx', ['publint', '--strict', tarball], root);
  run('npx', ['attw', tarball, '--profile', 'node16'], root);

  for (const name of ['cjs', 'esm', 'ts-cjs', 'ts-esm']) {
    const project = path.join(work, name);
    cpSync(path.join(projects, name), project, { recursive: true });
    cpSync(path.join(projects, 'check.cjs'), path.join(project, name === 'cjs' ? 'check.js' : 'check.cjs'));
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

  const neighbours = path.join(work, 'neighbours');
  cpSync(path.join(projects, 'neighbours'), neighbours, { recursive: true });
  for (const types of [5, 4]) {
    run('npm', [...npmInstall, tarball, `@types/express@${types}`, `express@${types}`], neighbours);
    const { version } = JSON.parse(
      readFileSync(path.join(neighbours, 'node_modules/@types/express/package.json'), 'utf8'),
    );
    if (!version.startsWith(`${types}.`)) throw new Error(`@types/express is ${version}, not ${types}`);
    compileEach(neighbours, ['beside.ts', 'own-id.ts', 'opted-in.ts', 'own-loggers.ts']);
    console.log(`types beside neighbours, @types/express ${version}: compile`);
  }

  const beside = path.join(work, 'beside-express');
  mkdirSync(beside);
  writeFileSync(path.join(beside, 'package.json'), '{ "private": true }');
  run('npm', [...npmInstall, 'express@5'], beside);
  const express = installedBelow(beside);
  run('npm', [...npmInstall, tarball], beside);
  const both = installedBelow(beside);
  const bytes = both.bytes - express.bytes;
  const count = both.packages - express.packages;
  console.log(`installed beside Express: ${kB(bytes)} kB in ${count} packages`);
  budget('kB installed', kB(bytes), 3 * 1024);
  budget('packages installed', count, 30);
} finally {
  for (const folder of [work, repository]) rmSync(folder, { recursive: true, force: true });
}
