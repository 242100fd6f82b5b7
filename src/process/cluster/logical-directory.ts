import { realpathSync } from 'node:fs';
import { unobserved } from '../../support/unobserved.js';

/**
 * The working directory as the shell names it. Node's own name has its links resolved, so that a reload would start
 * the release that a link pointed to at the start.
 */
export function logicalDirectory(): string {
  const { PWD } = process.env;
  try {
    return PWD && unobserved(() => realpathSync(PWD)) === process.cwd() ? PWD : process.cwd();
  } catch {
    return process.cwd();
  }
}
