import os from 'node:os';
import { warnOnce } from '../../support/errors.js';
import type { Check } from '../../support/options.js';
import type { PartLogger } from '../../support/part-logger.js';
import { fieldsOf } from './cluster-log.js';
import type { ClusterWorker } from './cluster-worker.js';
import type { Pool } from './pool.js';
import { privateMemory } from './private-memory.js';
import type { Reloader } from './rolling-reload.js';

const checkMs = 1000;
/** Consecutive checks above the limit after which a worker is replaced. A garbage collection may end it before. */
const checksAbove = 5;
/** Milliseconds between two replacements, so that a leak that recurs immediately does not become a loop of starts. */
const intervalMs = 60_000;
/** A worker that has grown by less than this factor since its start is not replaced, because its successor is as large. */
const growth = 1.5;

export const isMemoryLimit: Check = (value) => {
  const bytes = Number.isSafeInteger(value) && (value as number) >= 2 ** 20;
  const fraction = typeof value === 'number' && value > 0 && value <= 1;
  return bytes || fraction || value === false
    ? undefined
    : 'a fraction above 0 and at most 1, a whole number of bytes from 1048576, or false';
};

/** The workers and the settings of a memory limit. */
export interface MemoryLimit {
  readonly pool: Pick<Pool, 'workers' | 'members' | 'ready' | 'target' | 'stopping'>;
  readonly reloader: Pick<Reloader, 'reloading' | 'replace'>;
  /** A fraction of the limit of the control group up to 1, bytes above, or `false` for no limit. */
  readonly maxMemory: number | false;
  readonly log: PartLogger;
  /** Returns the limit of the control group in bytes. */
  readonly groupLimit?: () => number;
  /** Returns the memory of the primary in bytes. */
  readonly ownMemory?: () => number;
}

/**
 * Replaces the largest worker when the primary and its workers use more memory than allowed for some seconds. It
 * replaces one worker at a time. The new worker starts first. When the control group has no room for one more worker,
 * the old one drains first, and the others serve.
 */
export function replaceLargeWorkers({
  pool,
  reloader,
  maxMemory,
  log,
  groupLimit = limitOfControlGroup,
  ownMemory = privateMemory,
}: MemoryLimit): void {
  if (maxMemory === false) return;
  let above = 0;
  let replacedAt = Number.NEGATIVE_INFINITY;
  setInterval(() => {
    const limit = groupLimit();
    const allowed = maxMemory > 1 ? maxMemory : limit * maxMemory;
    let used = ownMemory();
    for (const { metrics } of pool.workers) used += metrics?.privateBytes ?? 0;
    above = used > allowed ? above + 1 : 0;
    const waits = performance.now() - replacedAt < intervalMs || pool.ready < pool.target;
    if (above < checksAbove || waits || pool.stopping || reloader.reloading) return;
    const worker = pool.members().reduce((a, b) => (bytesOf(b) > bytesOf(a) ? b : a));
    const startBytes = worker.startBytes ?? 0;
    const state = `${pool.target} workers and the primary use ${megabytes(used)} of memory, the limit is ${megabytes(allowed)}`;
    if (bytesOf(worker) < growth * startBytes) {
      warnOnce(
        'ERR_PRODUCTIONIZE_CLUSTER_MEMORY',
        `${state}, and no worker has grown much since its start. Run fewer workers, or allow more memory.`,
      );
      return;
    }
    replacedAt = performance.now();
    const room = startBytes < limit - used;
    log.warn(
      {
        ...fieldsOf(worker),
        memoryBytes: bytesOf(worker),
        startMemoryBytes: startBytes,
        usedBytes: used,
        allowedBytes: Math.round(allowed),
      },
      `cluster: ${state}; worker ${worker.id} is replaced, which uses ${megabytes(bytesOf(worker))}, after its start ${megabytes(startBytes)}`,
    );
    void reloader.replace(worker, { drainFirst: !room && pool.ready > 1 });
  }, checkMs).unref();
}

function bytesOf({ metrics }: ClusterWorker): number {
  return metrics?.privateBytes ?? 0;
}

/** The memory limit of the control group in bytes, or `Infinity` without one. Node reports the absence as 0 or as a huge number. */
function limitOfControlGroup(): number {
  const limit = process.constrainedMemory?.() ?? 0;
  return limit > 0 && limit < os.totalmem() ? limit : Number.POSITIVE_INFINITY;
}

function megabytes(bytes: number): string {
  return `${Math.round(bytes / 2 ** 20)} MiB`;
}
