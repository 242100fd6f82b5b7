import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { logicalDirectory } from '../process/cluster/logical-directory.js';
import { type Arguments, onlyArgument, UsageError } from './command.js';

/** The option of the commands that start an app. */
export const configOption = {
  type: 'string',
  value: '<file>',
  help: 'a .js or .json file with the options of productionize; default: `productionize` in package.json',
} as const;

/** The path of a script. Links in it are not resolved, so that a restart follows a link that has changed. */
export function findScript(name: string, args: Arguments): string {
  const hint = '. Arguments of the script follow `--`.';
  const file = path.resolve(logicalDirectory(), onlyArgument(name, 'the script of an app', args, hint));
  try {
    createRequire(file).resolve(file);
    return file;
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === 'ERR_INVALID_PACKAGE_CONFIG') throw new UsageError(`${name}: ${message}`);
    throw new UsageError(`${name}: there is no script ${JSON.stringify(file)}`);
  }
}

/** The file with the options of `productionize`: the given one, else the nearest package.json that contains options. */
export function findConfig(named: string | undefined, script: string): string | undefined {
  if (named === undefined) return nearestPackage(path.dirname(script));
  const file = path.resolve(logicalDirectory(), named);
  if (!existsSync(file)) throw new UsageError(`--config: there is no file ${JSON.stringify(file)}`);
  if (!/\.[cm]?js(on)?$/.test(file)) {
    throw new UsageError(`--config: expected a .js or .json file, got ${JSON.stringify(named)}`);
  }
  if (file.endsWith('.json')) readJson(file);
  return file;
}

function nearestPackage(directory: string): string | undefined {
  const file = path.join(directory, 'package.json');
  if (existsSync(file)) return readJson(file).productionize === undefined ? undefined : file;
  const parent = path.dirname(directory);
  return parent === directory ? undefined : nearestPackage(parent);
}

function readJson(file: string): { productionize?: unknown } {
  try {
    return Object(JSON.parse(readFileSync(file, 'utf8')));
  } catch (error) {
    throw new UsageError(`${file}: ${(error as Error).message}`);
  }
}
