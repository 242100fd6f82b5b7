import { realpathSync } from 'node:fs';
import path from 'node:path';
import { attempt } from '../../support/attempt.js';
import { unobserved } from '../../support/unobserved.js';

/**
 * The working directory with unresolved links, as in the variable PWD of the shell. `process.cwd()` resolves links, so
 * that a reload would start the release to which a link pointed at the start.
 */
export function logicalDirectory(): string {
  const { PWD } = process.env;
  const resolved = process.cwd();
  return PWD && sameFile(PWD, resolved) ? PWD : resolved;
}

/** The path of a file with the links of the working directory unresolved. A path outside of it is returned unchanged. */
export function logicalPath(file: string): string {
  const relative = path.relative(process.cwd(), file);
  const isOutside = path.isAbsolute(relative) || relative.split(path.sep, 1)[0] === '..';
  return isOutside ? file : path.join(logicalDirectory(), relative);
}

/** Whether two paths lead to one file or directory. */
export function sameFile(one: string, other: string): boolean {
  return attempt(() => unobserved(() => realpathSync(one) === realpathSync(other)), false);
}
