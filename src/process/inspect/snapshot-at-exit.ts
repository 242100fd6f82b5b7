import { closeSync, openSync, renameSync, rmSync, writeSync } from 'node:fs';
import os from 'node:os';
import v8 from 'node:v8';

/** The memory of this process in bytes, by which the cost of a snapshot is estimated. */
export interface WorkerMemory {
  readonly heapUsed: number;
  /** The limit of V8's heap, `--max-old-space-size`. */
  readonly heapLimit: number;
  readonly rss: number;
  /** The memory that the machine or the control group has left. */
  readonly available: number;
}

/** The argument of the task `snapshot`; without a file, a snapshot that was requested is not written. */
export interface SnapshotRequest {
  readonly file?: string;
}

let requested: string | undefined;

export function memoryOf(): WorkerMemory {
  const { heapUsed, rss } = process.memoryUsage();
  const { heap_size_limit: heapLimit } = v8.getHeapStatistics();
  // Node before 20.13 does not have it
  const available = process.availableMemory?.() ?? os.freemem();
  return { heapUsed, heapLimit, rss, available };
}

/**
 * Creates an empty file for this user only, and writes a heap snapshot into it when this process exits: after the drain,
 * so that the pause fails no request. The file stays empty where the snapshot cannot be written.
 */
export function snapshotAtExit({ file }: SnapshotRequest): void {
  if (file !== undefined) {
    if (requested !== undefined) throw new Error('another snapshot of this worker was requested');
    closeSync(openSync(file, 'wx', 0o600));
  }
  process.off('exit', write);
  requested = file;
  if (file !== undefined) process.once('exit', write);
}

function write(): void {
  const file = requested as string;
  const part = `${file}.part`;
  try {
    closeSync(openSync(part, 'wx', 0o600));
    v8.writeHeapSnapshot(part);
    renameSync(part, file);
  } catch (error) {
    rmSync(part, { force: true });
    writeSync(2, `the heap snapshot was not written: ${(error as Error).message}\n`);
  }
}
