import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';

/**
 * Installs a package that is too large to be a devDependency, and others beside it, once per checkout. `others` may
 * contain options of npm. Returns the directory they can be required from.
 */
export function installed(name: string, version: string, ...others: string[]): string {
  const beside = others.length > 0 ? `-${createHash('sha1').update(others.join()).digest('hex')}` : '';
  const folder = path.join(
    __dirname,
    '../../.tmp/installed',
    `${name.replace(/\W+/g, '-')}-${version}${beside}`,
  );
  if (existsSync(folder)) return folder;
  const unfinished = `${folder}-${process.pid}`;
  mkdirSync(unfinished, { recursive: true });
  writeFileSync(path.join(unfinished, 'package.json'), '{ "private": true }');
  const options = ['--no-audit', '--no-fund', '--ignore-scripts', '--omit=optional', '--loglevel=error'];
  const packages = [`${name}@${version}`, ...others];
  execFileSync('npm', ['install', ...options, ...packages], { cwd: unfinished, stdio: 'pipe' });
  try {
    renameSync(unfinished, folder);
  } catch (error) {
    // another test has installed the same meanwhile, and uses it already
    if (!existsSync(folder)) throw error;
    rmSync(unfinished, { recursive: true });
  }
  return folder;
}
