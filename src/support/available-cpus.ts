import { readFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { attempt } from './attempt.js';

type Read = (path: string) => string;

/**
 * Returns how many CPUs this process may use: those of its affinity mask, or the CPU quota of its control groups if
 * that is less. The mask includes a cpuset. The result is a fraction if the quota is below one CPU. Call it at set-up
 * only, because it reads files.
 */
export function availableCpus(read: Read = readText): number {
  return Math.min(os.availableParallelism(), cpuQuota(read));
}

function readText(path: string): string {
  return readFileSync(path, 'utf8');
}

/**
 * Returns the least CFS quota of the group and its parents in CPUs, or `Infinity` without a quota. In a container, its
 * group is the root of the mount; that of a systemd service is some levels below the root. `os.availableParallelism`
 * includes the quota from Node 22.12 on, and rounds it.
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

/** Returns the paths of a group and its parents. The root is the empty string. */
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
  const period = attempt(() => read(`${directory}/cpu.cfs_period_us`));
  return cpus(quota, period);
}

function cpus(quota: string | undefined, period: string | undefined): number {
  const value = Number(quota) / Number(period);
  return value > 0 ? value : Infinity;
}
