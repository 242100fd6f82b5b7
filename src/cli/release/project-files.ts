import { execFileSync } from 'node:child_process';
import { lstatSync } from 'node:fs';
import path from 'node:path';
import { attempt } from '../../support/attempt.js';
import { UsageError } from '../command.js';
import { manifestFile } from './manifest.js';
import { treeOf } from './release-tree.js';
import { isSecret } from './secrets.js';

/** The files of a project for a release, relative to the project. */
export interface ProjectFiles {
  readonly files: readonly string[];
  /** Secrets, which are not part of a release. */
  readonly leftOut: readonly string[];
}

/**
 * Lists the files that git tracks, with the content of the work tree, or all files where git tracks none. Files and
 * directories of `include` are added. A secret is part of the list only where `include` contains its path.
 */
export function projectFiles(directory: string, include: readonly string[]): ProjectFiles {
  const tracked = trackedFiles(directory);
  const named = new Set(include.map((given) => relativeTo(directory, given)));
  const included = [...named].flatMap((name) => filesOf(directory, name));
  const all = new Set([...(tracked.length > 0 ? tracked : filesOf(directory, '')), ...included]);
  const present = [...all].filter((file) => isFileOrLink(path.join(directory, file)));
  const allowed = (file: string): boolean => named.has(file) || !isSecret(file);
  return {
    files: present.filter((file) => file !== manifestFile && allowed(file)),
    leftOut: present.filter((file) => !allowed(file) && !file.startsWith('.git/')),
  };
}

function trackedFiles(directory: string): string[] {
  const args = ['-C', directory, 'ls-files', '-z', '--cached', '--recurse-submodules'];
  const list = (): Buffer =>
    execFileSync('git', args, { maxBuffer: 2 ** 28, stdio: ['ignore', 'pipe', 'ignore'] });
  return (attempt(list)?.toString() ?? '').split('\0').filter(Boolean);
}

const packed = /-\d{8}T\d{6}Z-[\da-f]{8}\.tgz$/;

function filesOf(directory: string, name: string): string[] {
  if (name !== '' && isFileOrLink(path.join(directory, name))) return [name];
  const skip = (relative: string): boolean =>
    /(^|\/)(node_modules|\.git)$/.test(relative) || packed.test(relative);
  return treeOf(path.join(directory, name), skip).map((entry) => path.posix.join(name, entry.path));
}

function isFileOrLink(file: string): boolean {
  const stat = attempt(() => lstatSync(file));
  return stat !== undefined && (stat.isFile() || stat.isSymbolicLink());
}

function relativeTo(directory: string, given: string): string {
  const relative = path.relative(directory, path.resolve(directory, given));
  if (relative === '' || relative.startsWith('..') || path.isAbsolute(relative)) {
    throw new UsageError(`--include: expected a path in the project, got ${JSON.stringify(given)}`);
  }
  if (attempt(() => lstatSync(path.join(directory, relative))) === undefined) {
    throw new UsageError(`--include: there is no ${JSON.stringify(relative)} in ${directory}`);
  }
  return relative.split(path.sep).join('/');
}
