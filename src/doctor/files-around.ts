import { readdirSync, readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import { checkDeploymentFile } from '../deploy/check/check-file.js';
import { usualFileNames } from '../deploy/check/file-kinds.js';
import type { Finding } from '../deploy/check/finding.js';
import type { DeploymentFacts } from '../deploy/deployment-facts.js';
import { factsOf } from '../deploy/facts/read-facts.js';
import { attempt } from '../support/attempt.js';
import type { ExaminedScript } from './examined-app.js';

/** Directories of a project that often contain such files, beside the project directory itself. */
const usualDirectories =
  /^(?:\.|deploy(?:ment)?|docker|nginx|haproxy|systemd|k8s|kubernetes|infra|ops|config)$/;
/** Files of other names, which the first lines of a configuration or objects of Kubernetes show. */
const otherNames = /^nginx[^/]*\.conf$|\/.+\.(?:conf|cfg|nginx|ya?ml)$/;
const mostBytes = 2 ** 20;
const mostFiles = 50;

/**
 * Where the files around an app disagree with it. The app is started once more for its facts, if there is such a file.
 * Without a fixed port the facts are not known, and nothing is compared.
 */
export async function observeFilesAround(
  script: ExaminedScript,
  directory: string,
  hasKnownShutdown: boolean,
): Promise<Finding[]> {
  const files = filesIn(directory);
  if (files.length === 0) return [];
  const facts = await factsOf({ ...script, productionized: script.preview }).catch(() => undefined);
  if (facts === undefined) return [];
  // no rule concerns a shutdown that takes a millisecond
  const known: DeploymentFacts = hasKnownShutdown ? facts : { ...facts, shutdownMs: 1, shutdownDelayMs: 0 };
  return files.flatMap((name) => {
    const text = readFileSync(path.join(directory, name), 'utf8');
    // a file that another tool generates from may be no valid file
    return attempt(() => checkDeploymentFile({ name, text, facts: known }), []);
  });
}

function filesIn(directory: string): string[] {
  const directories = ['.', ...namesIn(directory)].filter((name) => usualDirectories.test(name));
  return directories
    .flatMap((each) => namesIn(path.join(directory, each)).map((name) => path.posix.join(each, name)))
    .filter(
      (name) =>
        (usualFileNames.test(path.basename(name)) || otherNames.test(name)) &&
        isReadable(path.join(directory, name)),
    )
    .sort()
    .slice(0, mostFiles);
}

const namesIn = (directory: string): string[] => attempt(() => readdirSync(directory), []);

function isReadable(file: string): boolean {
  const stats = statSync(file, { throwIfNoEntry: false });
  return stats?.isFile() === true && stats.size <= mostBytes;
}
