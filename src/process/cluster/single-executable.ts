import cluster, { type ClusterSettings, type Worker } from 'node:cluster';
import path from 'node:path';
import { logicalDirectory, sameFile } from './logical-directory.js';

/** Whether Node runs an app inside its own executable, without a script: then `argv[1]` repeats the name of the command. */
function isSingleExecutable(): boolean {
  return process.argv[1] === process.argv0;
}

/**
 * Settings with which the workers of a single executable have the arguments of the primary. Node passes a script to each
 * worker, which a single executable reads as an argument. So the first argument takes the place of the script.
 */
export function singleExecutableSettings(): ClusterSettings | undefined {
  if (!isSingleExecutable()) return undefined;
  const [exec = '', ...args] = process.argv.slice(2);
  return { exec, args };
}

/** Removes the empty argument of a worker whose primary has none. */
export function removeEmptyArgument(): void {
  if (isSingleExecutable() && process.argv.length === 3 && process.argv[2] === '') process.argv.pop();
}

let executable: string | undefined;

/**
 * Forks a worker. A single executable is started by the path of its own start: the kernel resolves links in
 * `process.execPath`, so that a reload would start the release to which a link pointed at the start.
 */
export function forkWorker(environment: Record<string, string>): Worker {
  if (!isSingleExecutable()) return cluster.fork(environment);
  const { execPath } = process;
  executable ??= unresolvedExecutable();
  // the one place from which the cluster of Node reads the executable
  process.execPath = executable;
  try {
    return cluster.fork(environment);
  } finally {
    process.execPath = execPath;
  }
}

/** The path by which this process was started, or `process.execPath` if its name of the command leads elsewhere. */
function unresolvedExecutable(): string {
  const { argv0, execPath, env } = process;
  const directories = path.basename(argv0) === argv0 ? (env.PATH ?? '').split(path.delimiter) : ['.'];
  const paths = directories.map((directory) => path.resolve(logicalDirectory(), directory, argv0));
  return paths.find((file) => sameFile(file, execPath)) ?? execPath;
}
