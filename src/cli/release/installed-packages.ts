import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { copyFileSync, existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { packageInstall } from '../../deploy/containers/package-install.js';
import type { DeploymentFacts } from '../../deploy/deployment-facts.js';
import { CommandError } from '../command.js';

/** Files that an install reads. Git may not track them, and those with tokens are no part of a release. */
const settings = [
  'package-lock.json',
  'npm-shrinkwrap.json',
  'pnpm-lock.yaml',
  'pnpm-workspace.yaml',
  'yarn.lock',
  '.yarnrc.yml',
  '.npmrc',
];

/** Installs the production dependencies of a project in a release, with its package manager and from its lock file. */
export async function installPackages(
  project: string,
  release: string,
  facts: Pick<DeploymentFacts, 'packageManager' | 'hasLockFile'>,
): Promise<void> {
  if (!facts.hasLockFile) {
    throw new CommandError(
      `There is no lock file in ${project}, so the versions of its packages are not known. --offline copies node_modules instead.`,
    );
  }
  const added = settings.filter((name) => {
    const missing = !existsSync(path.join(release, name)) && existsSync(path.join(project, name));
    if (missing) copyFileSync(path.join(project, name), path.join(release, name));
    return missing;
  });
  const packageFile = path.join(release, 'package.json');
  const original = readFileSync(packageFile);
  // a prepare script, such as that of husky, needs development dependencies
  const { scripts: { prepare, ...scripts } = {} as Record<string, unknown>, ...rest } = JSON.parse(
    original.toString(),
  );
  writeFileSync(packageFile, JSON.stringify({ ...rest, scripts }, undefined, 2));
  try {
    await runInstall(packageInstall(facts).production, release);
  } finally {
    writeFileSync(packageFile, original);
    for (const name of added) rmSync(path.join(release, name), { force: true });
  }
}

async function runInstall(command: string, cwd: string): Promise<void> {
  const env = {
    ...process.env,
    YARN_NODE_LINKER: 'node-modules',
    npm_config_audit: 'false',
    npm_config_fund: 'false',
  };
  // the result of the command is the only thing on stdout
  const child = spawn('sh', ['-c', command], { cwd, env, stdio: ['ignore', 2, 2] });
  const [code] = (await once(child, 'exit')) as [number | null];
  if (code !== 0) throw new CommandError(`\`${command}\` failed with exit code ${code}.`);
}
