import { readFileSync } from 'node:fs';
import { availableCpus } from '../../support/available-cpus.js';

/** Returns the number of children of the primary. If the kernel does not list them, one worker per core is assumed. */
export function workersOfPrimary(): number {
  try {
    const children = readFileSync(`/proc/${process.ppid}/task/${process.ppid}/children`, 'latin1');
    return Math.max(1, children.trim().split(' ').length);
  } catch {
    return Math.max(1, availableCpus());
  }
}
