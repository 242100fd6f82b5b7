import { availableCpus } from '../../support/available-cpus.js';
import { ProductionizeError, quote } from '../../support/errors.js';

/** The maximum number of workers. A larger number is treated as an error. */
export const maxWorkers = 1024;

export interface WorkerCount {
  readonly count: number;
  readonly reason: string;
}

/**
 * The number of workers: the option, else `WEB_CONCURRENCY`, else the CPUs available to this process. `max` is the
 * number of those CPUs. It is rounded down, because workers that share a CPU wait for each other.
 *
 * @throws ProductionizeError when `WEB_CONCURRENCY` is not a valid number of workers.
 */
export function chooseWorkers(
  option: number | 'max' | undefined,
  webConcurrency?: string,
  cpus: () => number = availableCpus,
): WorkerCount {
  if (typeof option === 'number') return { count: option, reason: 'given' };
  if (option === undefined && webConcurrency && webConcurrency !== 'max') {
    const count = Number(webConcurrency);
    if (Number.isSafeInteger(count) && count >= 1 && count <= maxWorkers) {
      return { count, reason: 'WEB_CONCURRENCY' };
    }
    throw new ProductionizeError(
      'ERR_PRODUCTIONIZE_OPTION',
      `WEB_CONCURRENCY: expected a whole number of workers, 1 to ${maxWorkers}, or max, got ${quote(webConcurrency)}.`,
    );
  }
  const available = cpus();
  return {
    count: Math.min(maxWorkers, Math.max(1, Math.floor(available))),
    reason: `${Number(available.toFixed(2))} CPUs available`,
  };
}
