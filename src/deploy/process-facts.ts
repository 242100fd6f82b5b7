import { checkOptions, isEither, isInteger, isMilliseconds, isOneOf } from '../support/options.js';
import type { DeploymentFacts } from './deployment-facts.js';
import { isPackageName, isPort, isScript } from './values.js';

/** The facts that a process manager depends on. */
export type ProcessFacts = Pick<
  DeploymentFacts,
  'name' | 'script' | 'port' | 'workers' | 'memoryBytes' | 'startupMs' | 'shutdownMs'
>;

/**
 * Returns the facts that a process manager depends on. They are written to its file, so each is checked.
 *
 * @throws ProductionizeError when a fact is wrong.
 */
export function processFacts(target: string, facts: DeploymentFacts): ProcessFacts {
  const { name, script, port, workers, memoryBytes, startupMs, shutdownMs } = facts;
  return checkOptions<ProcessFacts>(
    target,
    { name, script, port, workers, memoryBytes, startupMs, shutdownMs },
    {
      name: isPackageName,
      script: isScript,
      port: isPort,
      workers: isEither(isOneOf('max'), isInteger('workers', 1, 1024)),
      memoryBytes: isEither(isOneOf(null), isInteger('bytes', 2 ** 20)),
      startupMs: isMilliseconds(),
      shutdownMs: isMilliseconds(),
    },
  ) as ProcessFacts;
}

/** Seconds for a limit in milliseconds, with a margin for the log, the exit and a machine under load. */
export function secondsFor(ms: number, marginMs = 5000): number {
  return Math.ceil((ms + marginMs) / 1000);
}
