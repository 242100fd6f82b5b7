import { lstatSync, mkdirSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { ProductionizeError, quote } from '../../support/errors.js';

/** The variable with the directory of the control sockets, for services and shells with different `XDG_RUNTIME_DIR`. */
export const runtimeDirVariable = 'EXPRESS_PRODUCTIONIZE_RUNTIME_DIR';

/**
 * The directories of this user's control sockets, the preferred one first. Without a given directory, they are the
 * user's runtime directory and one in the temporary directory. A service and a shell may have different ones, so
 * clients search all of them.
 */
export function runtimeDirs(given?: string, env: NodeJS.ProcessEnv = process.env): string[] {
  const chosen = given ?? env[runtimeDirVariable];
  if (chosen) return [path.resolve(chosen)];
  const shared = path.join(
    os.tmpdir(),
    `express-productionize-${process.getuid?.() ?? os.userInfo().username}`,
  );
  return env.XDG_RUNTIME_DIR ? [path.join(env.XDG_RUNTIME_DIR, 'express-productionize'), shared] : [shared];
}

/**
 * The reason not to trust a directory with control sockets; `undefined` for a trusted one. Another user can create a
 * directory of that name in the temporary directory first, with a socket or a link in it.
 */
export function untrustedReason(
  directory: string,
  uid: number | undefined = process.getuid?.(),
): string | undefined {
  const stat = lstatSync(directory);
  if (!stat.isDirectory()) return 'it is not a directory';
  if (uid === undefined) return undefined;
  if (stat.uid !== uid) return `it belongs to user ${stat.uid}, and this is user ${uid}`;
  if ((stat.mode & 0o077) !== 0) {
    return `other users may enter it (mode ${(stat.mode & 0o777).toString(8)}): expected mode 700`;
  }
  return undefined;
}

/**
 * Creates the directory for the socket of a new cluster.
 *
 * @throws ProductionizeError when no directory can be created or trusted.
 */
export function makeRuntimeDir(given?: string): string {
  const problems: string[] = [];
  for (const directory of runtimeDirs(given)) {
    try {
      mkdirSync(directory, { mode: 0o700, recursive: given !== undefined });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') {
        problems.push((error as Error).message);
        continue;
      }
    }
    const problem = untrustedReason(directory);
    if (problem === undefined) return directory;
    problems.push(`${directory}: ${problem}`);
  }
  throw new ProductionizeError(
    'ERR_PRODUCTIONIZE_CLUSTER_CONTROL',
    `no directory for the control socket: ${problems.map((problem) => quote(problem)).join('; ')}. Set ${runtimeDirVariable} to a directory of yours with mode 700.`,
  );
}
