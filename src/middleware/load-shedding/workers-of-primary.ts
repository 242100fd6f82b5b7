import { readFileSync } from 'node:fs';
import { availableCpus } from '../../support/available-cpus.js';

/** The primary's children are its workers; where the kernel does not list them, one per core is what is usual. */
export function workersOfPrimary(): number {
  try {
    const children = readFileSync(`/proc/${process.ppid}/task/${process.ppid}/children`, 'latin1');
    return Math.max(1, children.trim().split(' ').length);
  } catch {
    return Math.max(1, availableCpus());
  }
}
