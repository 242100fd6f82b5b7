import { existsSync, statSync } from 'node:fs';
import { access, constants, writeFile } from 'node:fs/promises';
import path from 'node:path';
import type { ClusterStatus, WorkerStatus } from '../../process/cluster/control-protocol.js';
import { attempt } from '../../support/attempt.js';
import { CommandError } from '../command.js';

export const outOption = {
  type: 'string',
  value: '<dir|file|->',
  help: 'where to write it, - for stdout; default: a new file in this directory',
} as const;

/** The path of a new file of a worker, such as `web-4711-worker2-20260131T120000Z.cpuprofile`. `out` may name the file. */
export function fileFor(
  out: string | undefined,
  { name, script }: ClusterStatus,
  { id, pid }: WorkerStatus,
  extension: string,
): string {
  const directory = out ?? '.';
  if (out !== undefined && !isDirectory(out)) return path.resolve(out);
  const app = (name ?? path.parse(script).name).replace(/[^\w.-]+/g, '_').slice(0, 60);
  const time = new Date().toISOString().replace(/[-:]|\.\d+/g, '');
  return path.resolve(directory, `${app}-${pid}-worker${id}-${time}.${extension}`);
}

/** Throws where a file exists, or cannot be created in its directory. */
export async function checkNew(file: string): Promise<void> {
  if (existsSync(file)) throw new CommandError(`${file} exists, and is not overwritten`);
  const directory = path.dirname(file);
  if (!isDirectory(directory)) throw new CommandError(`${directory} is no directory`);
  await access(directory, constants.W_OK);
}

/** Writes a new file for this user only: names and paths of the app are in it. */
export async function writeNewFile(file: string, text: string): Promise<void> {
  await writeFile(file, text, { flag: 'wx', mode: 0o600 });
}

export function isDirectory(file: string): boolean {
  return /[/\\]$/.test(file) || (attempt(() => statSync(file).isDirectory()) ?? false);
}
