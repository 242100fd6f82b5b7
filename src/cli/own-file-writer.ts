import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type { DeploymentFile } from '../deploy/deployment-files.js';
import { hasOrigin } from '../deploy/origin.js';
import { attempt } from '../support/attempt.js';
import { UsageError } from './command.js';

/**
 * Writes generated files into a directory and returns their paths. Nothing is written where a file exists that does not
 * begin with the comment of this package, unless `force` is set.
 */
export function writeOwnFiles(
  directory: string,
  files: readonly DeploymentFile[],
  force: boolean,
): readonly string[] {
  const all = files.map(({ name, text }) => ({ file: path.join(directory, name), text }));
  const foreign = all.find(({ file }) => {
    const text = attempt(() => readFileSync(file, 'utf8'), undefined);
    return text !== undefined && !hasOrigin(text);
  });
  if (foreign && !force) {
    throw new UsageError(
      `deploy: ${JSON.stringify(foreign.file)} exists and was not written by this command. --force replaces it.`,
    );
  }
  for (const { file, text } of all) {
    mkdirSync(path.dirname(file), { recursive: true });
    writeFileSync(file, text);
  }
  return all.map(({ file }) => file);
}
