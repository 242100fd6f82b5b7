import { realpathSync } from 'node:fs';
import { attempt } from '../../support/attempt.js';
import { unobserved } from '../../support/unobserved.js';

/**
 * The working directory with unresolved links, as in the variable PWD of the shell. `process.cwd()` resolves links, so
 * that a reload would start the release to which a link pointed at the start.
 */
export function logicalDirectory(): string {
  const { PWD } = process.env;
  const resolved = process.cwd();
  return PWD && attempt(() => unobserved(() => realpathSync(PWD))) === resolved ? PWD : resolved;
}
