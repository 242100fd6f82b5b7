import type { DeploymentFacts } from './deployment-facts.js';

/** The facts that a process manager depends on. */
export type ProcessFacts = Pick<
  DeploymentFacts,
  'name' | 'script' | 'port' | 'workers' | 'memoryBytes' | 'startupMs' | 'shutdownMs'
>;

/** Seconds for a limit in milliseconds, with a margin for the log, the exit and a machine under load. */
export function secondsFor(ms: number, marginMs = 5000): number {
  return Math.ceil((ms + marginMs) / 1000);
}
