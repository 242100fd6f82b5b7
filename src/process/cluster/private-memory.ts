import { readFileSync } from 'node:fs';
import { attempt } from '../../support/attempt.js';

/**
 * The resident memory of this process in bytes, on Linux without pages of files, such as those of the Node binary. The
 * processes of a cluster share those pages, and the kernel frees them before it kills a process.
 */
export function privateMemory(): number {
  const rssBytes = process.memoryUsage.rss();
  const [, resident = 1, shared = 0] =
    attempt(() => readFileSync('/proc/self/statm', 'utf8').split(' ').map(Number)) ?? [];
  // the file counts pages, whose size depends on the machine
  return Math.round(rssBytes * (1 - shared / resident));
}
