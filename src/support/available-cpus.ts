import { readFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';

type Read = (path: string) => string;

/**
 * How many CPUs this process may keep busy: the affinity mask (a cpuset is part of it) and the CPU quota of its
 * control groups, whichever is less. A fraction for quotas below one CPU. Reads files: for set-up only.
 */
export function availableCpus(read: Read = readText): number {
  return Math.min(os.availableParallelism(), cpuQuota(read));
}

function readText(path: string): string {
  return readFileSync(path, 'utf8');
}

/**
 * The least CFS quota of the group and its parents, in CPUs; `Infinity` without one. A container sees its own group
 * at the root of the mount, a systemd service stands some levels below. `os.availableParallelism` knows the quota
 * from Node 22.12 on, and rounds it.
 */
function cpuQuota(read: Read): number {
  const groups = attempt(() => read('/proc/self/cgroup').split('\n')) ?? [];
  const v2 = groups.find((line) => line.startsWith('0::'))?.slice(3);
  const v1 = groups
    .find((line) => /^\d+:(?:[^:]*,)?cpu(?:,[^:]*)?:/.test(line))
    ?.replace(/^[^:]*:[^:]*:/, '');
  return Math.min(
    ...levels(v2).map((group) => quotaOfV2(read, `/sys/fs/cgroup${group}`)),
    ...levels(v1).map((group) => quotaOfV1(read, `/sys/fs/cgroup/cpu${group}`)),
  );
}

/** A group and its parents, the root as the empty string. */
function levels(group = '/'): string[] {
  const found: string[] = [];
  for (let at = path.posix.resolve('/', group); at !== '/'; at = path.posix.dirname(at)) found.push(at);
  return [...found, ''];
}

function quotaOfV2(read: Read, directory: string): number {
  const [quota, period] = attempt(() => read(`${directory}/cpu.max`).split(' ')) ?? [];
  return cpus(quota, period);
}

function quotaOfV1(read: Read, directory: string): number {
  const quota = attempt(() => read(`${directory}/cpu.cfs_quota_us`));
  return quota === undefined
    ? Infinity
    : cpus(
        quota,
        attempt(() => read(`${directory}/cpu.cfs_period_us`)),
      );
}

function cpus(quota: string | undefined, period: string | undefined): number {
  const value = Number(quota) / Number(period);
  return value > 0 ? value : Infinity;
}

function attempt<T>(work: () => T): T | undefined {
  try {
    return work();
  } catch {
    return undefined;
  }
}
