import { createHash, randomBytes } from 'node:crypto';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { debugFor } from '../../support/debug.js';

const debug = debugFor('precompress');

/** Hidden, and short: it fits wherever the name fits that the file gets once it is complete. */
const scheme = /^\.precompress-([0-9a-f]{12})-(\d+)-[0-9a-f]{8}\.tmp$/;

let origin: Promise<string> | undefined;

/** Where the ids of processes mean what they mean here: on this machine, in this container. */
async function originOfIds(): Promise<string> {
  const space = await fs.promises.readlink('/proc/self/ns/pid').catch(() => '');
  return createHash('sha256').update(`${os.hostname()} ${space}`).digest('hex').slice(0, 12);
}

/** A name in a folder for a file that is not complete yet; it tells which process writes it. */
export async function unfinishedFile(folder: string): Promise<string> {
  origin ??= originOfIds();
  const id = randomBytes(4).toString('hex');
  return path.join(folder, `.precompress-${await origin}-${process.pid}-${id}.tmp`);
}

/** Removes a file that a process was killed over; any other file, and those of processes that run, are left alone. */
export async function removeIfLeftOver(file: string): Promise<void> {
  const [, from, pid] = scheme.exec(path.basename(file)) ?? [];
  if (from === undefined) return;
  origin ??= originOfIds();
  try {
    if (from !== (await origin) || (await isAtWork(Number(pid), file))) return;
    await fs.promises.rm(file, { force: true });
    debug(() => ['%s was left by a process that is gone: removed', file]);
  } catch (error) {
    debug(() => ['%s may be left over, and stays: %s', file, error]);
  }
}

async function isAtWork(pid: number, file: string): Promise<boolean> {
  if (pid === process.pid) {
    // one from before this process is of another that had the same id
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
