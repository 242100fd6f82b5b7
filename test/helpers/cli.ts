import { execFile } from 'node:child_process';
import path from 'node:path';
import { folder, removeFolders, runCluster } from './clusters.js';
import { killAll } from './program.js';

/** For `afterEach`. */
export function cleanUp(): void {
  killAll();
  removeFolders();
}

export const program = path.join(__dirname, '../../dist/cli.js');
export const app = (name: string) => path.join(__dirname, '../fixtures/start', name);

export interface Done {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

/** Runs one command to its end. */
export function cli(args: string[], env: NodeJS.ProcessEnv = {}): Promise<Done> {
  return new Promise((resolve) => {
    const options = { env: { ...process.env, NODE_ENV: 'production', NODE_OPTIONS: '', ...env } };
    execFile(process.execPath, [program, ...args], options, (error, out, err) => {
      resolve({ code: Number(error?.code ?? 0), out, err });
    });
  });
}

/** A cluster that `start` runs, and the folder of its control socket. */
export function start(script: string, args: string[] = [], env: NodeJS.ProcessEnv = {}) {
  const dir = folder();
  const cluster = runCluster(program, {
    args: ['start', script, ...args],
    env: { EXPRESS_PRODUCTIONIZE_RUNTIME_DIR: dir, ...env },
  });
  return { cluster, dir, ask: (...command: string[]) => cli([...command, '--runtime-dir', dir]) };
}
