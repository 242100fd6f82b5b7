import { lstatSync, mkdirSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { ProductionizeError, quote } from '../../support/errors.js';

/** Names the folder of the control sockets, for services and shells that do not share `XDG_RUNTIME_DIR`. */
export const runtimeDirVariable = 'EXPRESS_PRODUCTIONIZE_RUNTIME_DIR';

/**
 * Where control sockets of this user are, best place first: the folder given, else the user's runtime folder and one
 * in the temporary folder. A service and a shell may see different ones, so readers look in all of them.
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
 * Why a folder is not to be trusted with control sockets, or nothing. Anyone may make a folder of that name in the
 * temporary folder first, and put a socket or a link of their own there.
 */
export function distrust(folder: string, uid: number | undefined = process.getuid?.()): string | undefined {
  const stat = lstatSync(folder);
  if (!stat.isDirectory()) return 'it is not a folder';
  if (uid === undefined) return undefined;
  if (stat.uid !== uid) return `it belongs to user ${stat.uid}, and this is user ${uid}`;
  if ((stat.mode & 0o077) !== 0) {
    return `others may enter it (mode ${(stat.mode & 0o777).toString(8)}): expected mode 700`;
  }
  return undefined;
}

/**
 * Makes the folder for the socket of a new cluster.
 *
 * @throws ProductionizeError when no folder can be made or trusted.
 */
export function makeRuntimeDir(given?: string): string {
  const problems: string[] = [];
  for (const folder of runtimeDirs(given)) {
    try {
      mkdirSync(folder, { mode: 0o700, recursive: given !== undefined });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') {
        problems.push((error as Error).message);
        continue;
      }
    }
    const problem = distrust(folder);
    if (problem === undefined) return folder;
    problems.push(`${folder}: ${problem}`);
  }
  throw new ProductionizeError(
    'ERR_PRODUCTIONIZE_CLUSTER_CONTROL',
    `no folder for the control socket: ${problems.map((problem) => quote(problem)).join('; ')}. Set ${runtimeDirVariable} to a folder of yours with mode 700.`,
  );
}
