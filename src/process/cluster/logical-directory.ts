import { realpathSync } from 'node:fs';
import { unobserved } from '../../support/unobserved.js';

/**
 * The working directory with unresolved links, as in the variable PWD of the shell. `process.cwd()` resolves links, so
 * that a reload would start the release to which a link pointed at the start.
 */
export function logicalDirectory(): string {
  const { PWD } = process.env;
  try {
    return PWD && unobserved(() => realpathSync(PWD)) === process.cwd() ? PWD : process.cwd();
  } catch {
    return process.cwd();
  }
}
