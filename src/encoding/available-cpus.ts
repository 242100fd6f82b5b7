import { readFileSync } from 'node:fs';
import os from 'node:os';

/**
 * How many CPUs this process may keep busy: the affinity mask and the container's CPU quota, whichever is less. A
 * fraction for quotas below one CPU. Reads files: for set-up only.
 */
export function availableCpus(read: (path: string) => string = readText): number {
  return Math.min(os.availableParallelism(), cpuQuota(read));
}

function readText(path: string): string {
  return readFileSync(path, 'utf8');
}

/**
 * The CFS quota of the control group at the root of the mount, which is a container's own, in CPUs. `Infinity`
 * without one. `os.availableParallelism` knows the quota from Node 22.12 on, and rounds it.
 */
function cpuQuota(read: (path: string) => string): number {
  const v2 = attempt(() => read('/sys/fs/cgroup/cpu.max').split(' '));
  const [quota, period] = v2 ?? [
    attempt(() => read('/sys/fs/cgroup/cpu/cpu.cfs_quota_us')),
    attempt(() => read('/sys/fs/cgroup/cpu/cpu.cfs_period_us')),
  ];
  const cpus = Number(quota) / Number(period);
  return cpus > 0 ? cpus : Infinity;
}

function attempt<T>(work: () => T): T | undefined {
  try {
    return work();
  } catch {
    return undefined;
  }
}
