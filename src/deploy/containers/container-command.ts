import type { DeploymentFacts } from '../deployment-facts.js';

/** The program of this package in an image. It is no link, since pnpm writes shell scripts to `.bin`. */
const program = 'node_modules/express-productionize/dist/cli.js';

/** The command of a container: node itself, which receives the signals as process 1. */
export function startCommand({ script, workers }: DeploymentFacts): string[] {
  const file = script.startsWith('-') ? `./${script}` : script;
  // containers are the unit to scale: one has several workers only where their number is known
  return workers === 1 || workers === 'max'
    ? ['node', '--import', 'express-productionize/preload', file]
    : ['node', program, 'start', file, '--workers', String(workers)];
}

/** The command that checks the health of the app inside its container. Without PORT it has the port. */
export function healthCommand({ port, readsPort }: DeploymentFacts, path: string): string[] {
  const portOption = readsPort ? [] : ['--port', String(port)];
  return ['node', program, 'health', ...portOption, '--path', path, '--timeout', '3000'];
}
