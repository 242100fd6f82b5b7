import { createHash, randomBytes } from 'node:crypto';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { debugFor } from '../../support/debug.js';

const debug = debugFor('precompress');

/** The names of unfinished files. They begin with a dot and are not longer than the longest valid file name. */
const scheme = /^\.precompress-([0-9a-f]{12})-(\d+)-[0-9a-f]{8}\.tmp$/;

let namespaceId: Promise<string> | undefined;

/** Identifies the machine and the container in which a process id is valid. */
async function pidNamespaceId(): Promise<string> {
  const space = await fs.promises.readlink('/proc/self/ns/pid').catch(() => '');
  return createHash('sha256').update(`${os.hostname()} ${space}`).digest('hex').slice(0, 12);
}

/** A path for a file that is not complete yet. The name contains the id of the process that writes it. */
export async function unfinishedFile(directory: string): Promise<string> {
  namespaceId ??= pidNamespaceId();
  const id = randomBytes(4).toString('hex');
  return path.join(directory, `.precompress-${await namespaceId}-${process.pid}-${id}.tmp`);
}

/** Removes an unfinished file whose process no longer runs. All other files are left in place. */
export async function removeIfAbandoned(file: string): Promise<void> {
  const [, from, pid] = scheme.exec(path.basename(file)) ?? [];
  if (from === undefined) return;
  namespaceId ??= pidNamespaceId();
  try {
    if (from !== (await namespaceId) || (await isBeingWritten(Number(pid), file))) return;
    await fs.promises.rm(file, { force: true });
    debug(() => ['removed %s: the process that wrote it no longer runs', file]);
  } catch (error) {
    debug(() => ['%s could not be removed: %s', file, error]);
  }
}

async function isBeingWritten(pid: number, file: string): Promise<boolean> {
  if (pid === process.pid) {
    // A file that is older than this process was written by an earlier process with the same id.
    const { ctimeMs } = await fs.promises.lstat(file);
    return ctimeMs > Date.now() - process.uptime() * 1000 - 1000;
  }
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== 'ESRCH';
  }
}
