import { existsSync } from 'node:fs';
import path from 'node:path';
import type { DeploymentFacts } from '../deployment-facts.js';
import { nearestPackageFile } from '../package-files.js';

type ProjectFacts = Pick<DeploymentFacts, 'name' | 'packageManager' | 'hasLockFile' | 'hasBuildScript'>;

const lockFiles = {
  'package-lock.json': 'npm',
  'npm-shrinkwrap.json': 'npm',
  'pnpm-lock.yaml': 'pnpm',
  'yarn.lock': 'yarn',
} as const;

/** The project of a script: the directory of the nearest package.json, else that of the script. */
export function projectOf(script: string): { directory: string; hasOptions: boolean; facts: ProjectFacts } {
  const { directory, content } = nearestPackageFile(path.dirname(script)) ?? {
    directory: path.dirname(script),
    content: {},
  };
  const lock = Object.entries(lockFiles).find(([file]) => existsSync(path.join(directory, file)));
  const { build } = Object(content.scripts) as Record<string, unknown>;
  return {
    directory,
    hasOptions: content.productionize !== undefined,
    facts: {
      name: nameOf(content.name) ?? nameOf(path.basename(directory)) ?? 'app',
      packageManager: lock?.[1] ?? managerOf(content.packageManager),
      hasLockFile: lock !== undefined,
      hasBuildScript: typeof build === 'string',
    },
  };
}

/** Makes a name that is also valid for a host, a unit and a label: letters, digits and `-`, a letter first. */
function nameOf(name: unknown): string | undefined {
  if (typeof name !== 'string') return undefined;
  const text = name
    .replace(/^@[^/]*\//, '')
    .toLowerCase()
    .replace(/[^a-z\d]+/g, '-')
    .replace(/^[-\d]+/, '')
    .slice(0, 50)
    .replace(/-+$/, '');
  return text === '' ? undefined : text;
}

function managerOf(field: unknown): DeploymentFacts['packageManager'] {
  const [, name] = /^(npm|pnpm|yarn)@/.exec(String(field)) ?? [];
  return (name as DeploymentFacts['packageManager'] | undefined) ?? 'npm';
}
