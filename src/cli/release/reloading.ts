import { spawn } from 'node:child_process';
import { once } from 'node:events';
import type { FoundCluster } from '../../process/cluster/control-client.js';
import type { Arguments } from '../command.js';
import { clusterOf, releasesInUse, reloadCluster, statusOf } from './release-cluster.js';
import type { ReleaseTarget } from './release-target.js';
import { startCluster } from './started-cluster.js';

/** How the workers of a target are replaced. */
export interface Reloading {
  readonly kind: 'reloaded' | 'started' | 'none';
  /** Starts workers of `current`. Returns why they did not become ready, or `undefined` when they serve. */
  replace(script: string): Promise<string | undefined>;
  /** Replaces the workers of a broken release, after the link was moved back. Returns why it could not. */
  restore(): Promise<string | undefined>;
  /** The releases whose files a primary has loaded. */
  inUse(): Promise<readonly string[]>;
}

const done = async (): Promise<undefined> => undefined;
const none = async (): Promise<readonly string[]> => [];

/** Milliseconds until a started cluster must be ready, where no time is given; as long as that of a worker. */
const startLimitMs = 60_000;

/** Chooses by the options and by what runs: a command, the running cluster, a start, or nothing. */
export async function reloadingOf(
  target: ReleaseTarget,
  args: Arguments,
  startMs: number | undefined,
): Promise<Reloading> {
  const { values, rest } = args;
  const command = values['reload-command'] as string | undefined;
  if (command !== undefined) {
    const run = (): Promise<string | undefined> => runReload(command);
    return { kind: 'reloaded', replace: run, restore: run, inUse: none };
  }
  const cluster = await clusterOf(target, args);
  if (cluster) return reloadingOfCluster(target, cluster, args, startMs);
  if (values.start !== true) return { kind: 'none', replace: done, restore: done, inUse: none };
  const runtimeDir = values['runtime-dir'] as string | undefined;
  return {
    kind: 'started',
    replace: (script) => startCluster(target, script, rest, runtimeDir, startMs ?? startLimitMs),
    restore: done,
    inUse: none,
  };
}

function reloadingOfCluster(
  target: ReleaseTarget,
  cluster: FoundCluster,
  args: Arguments,
  startMs: number | undefined,
): Reloading {
  const before = new Set(cluster.status.workers.map(({ pid }) => pid));
  return {
    kind: 'reloaded',
    replace: () => reloadCluster(cluster, startMs),
    async restore() {
      const { workers = [] } = (await statusOf(cluster, args)) ?? {};
      const isNew = workers.some(
        ({ pid, state }) => !before.has(pid) && (state === 'ready' || state === 'starting'),
      );
      return isNew ? reloadCluster(cluster, startMs) : undefined;
    },
    inUse: async () => releasesInUse(target, await statusOf(cluster, args)),
  };
}

async function runReload(command: string): Promise<string | undefined> {
  // stdout has the result of the deployment only
  const child = spawn('sh', ['-c', command], { stdio: ['ignore', 2, 2] });
  const [code, signal] = (await once(child, 'exit')) as [number | null, NodeJS.Signals | null];
  return code === 0 ? undefined : `\`${command}\` ended with ${signal ?? `exit code ${code}`}`;
}
