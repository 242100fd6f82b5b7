import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, existsSync, openSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { findClusters } from '../../process/cluster/control-client.js';
import { attempt } from '../../support/attempt.js';
import { programFile } from '../own-files.js';
import type { ReleaseTarget } from './release-target.js';

const pollMs = 100;

/** The program of a release, which is part of it where the app depends on this package. */
export function programOf(release: string): string | undefined {
  const file = path.join(release, 'node_modules/express-productionize/dist/cli.js');
  return existsSync(file) ? file : undefined;
}

/**
 * Starts a cluster from `current`, which continues to run after this process. Its log is appended to `cluster.log` of the
 * target. Returns why it did not become ready, or `undefined` when all its workers serve.
 */
export async function startCluster(
  target: ReleaseTarget,
  script: string,
  options: readonly string[],
  runtimeDir: string | undefined,
  limitMs: number,
): Promise<string | undefined> {
  const log = path.join(target.directory, 'cluster.log');
  const output = openSync(log, 'a');
  const begin = readFileSync(log).length;
  const program = programOf(target.link) ?? programFile;
  const where = runtimeDir === undefined ? [] : ['--runtime-dir', runtimeDir];
  const child = spawn(
    process.execPath,
    [program, 'start', path.join(target.link, script), ...where, ...options],
    {
      cwd: target.link,
      env: { ...process.env, PWD: target.link },
      detached: true,
      stdio: ['ignore', output, output],
    },
  );
  closeSync(output);
  child.unref();
  const reason = await whyNotReady(child, runtimeDir, limitMs);
  if (reason === undefined) return undefined;
  await end(child);
  return `${reason}${lastError(readFileSync(log).subarray(begin).toString())}`;
}

async function whyNotReady(
  child: ChildProcess,
  runtimeDir: string | undefined,
  limitMs: number,
): Promise<string | undefined> {
  for (const from = performance.now(); performance.now() - from < limitMs; await delay(pollMs)) {
    if (child.exitCode !== null || child.signalCode !== null) {
      return `the cluster ended with ${child.signalCode ?? `exit code ${child.exitCode}`}`;
    }
    const own = (await findClusters(runtimeDir)).find(({ status }) => status.pid === child.pid)?.status;
    if (own && own.ready >= own.target) return undefined;
  }
  return `the cluster was not ready within ${limitMs} ms`;
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, 'exit');
  // its workers are in its group, and none of them has served yet
  attempt(() => process.kill(-(child.pid as number), 'SIGKILL'));
  await ended;
}

/** The last error in the lines of the log. */
function lastError(log: string): string {
  const messages = log.split('\n').flatMap((line): string[] => {
    const { level, msg } = Object(attempt(() => JSON.parse(line))) as { level?: number; msg?: string };
    return (level ?? 0) >= 50 && msg !== undefined ? [msg] : [];
  });
  return messages.length > 0 ? `: ${messages.at(-1)}` : '';
}
