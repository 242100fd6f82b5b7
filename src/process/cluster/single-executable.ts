import type { ClusterSettings } from 'node:cluster';

/** Whether Node runs an app inside its own executable, without a script: then `argv[1]` repeats the name of the command. */
function isSingleExecutable(): boolean {
  return process.argv[1] === process.argv0;
}

/**
 * Settings with which the workers of a single executable have the arguments of the primary. Node passes a script to each
 * worker, which a single executable reads as an argument. So the first argument takes the place of the script.
 */
export function singleExecutableSettings(): ClusterSettings {
  if (!isSingleExecutable()) return {};
  const [exec = '', ...args] = process.argv.slice(2);
  return { exec, args };
}

/** Removes the empty argument of a worker whose primary has none. */
export function removeEmptyArgument(): void {
  if (isSingleExecutable() && process.argv.length === 3 && process.argv[2] === '') process.argv.pop();
}
