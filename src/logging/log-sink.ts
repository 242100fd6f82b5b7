import fs from 'node:fs';
import { isMainThread } from 'node:worker_threads';
import { ProductionizeError, quote } from '../support/errors.js';
import { fileStats } from '../support/file-stats.js';
import { exitHooks } from './log-exit.js';

/** An open descriptor to write lines to. */
export interface Sink {
  readonly fd: number;
  /** Whether the library opened the descriptor and has to close it. */
  readonly owned: boolean;
  /**
   * Whether it is a file, which is written asynchronously. Pipes, sockets and terminals are non-blocking and written
   * synchronously.
   */
  readonly isFile: boolean;
  /** The name of the descriptor in messages. */
  readonly name: string;
}

const { O_APPEND, O_CREAT, O_NONBLOCK = 0, O_RDWR, O_WRONLY } = fs.constants;

/** Opens a file or FIFO for appending. */
export function openPath(path: string): Sink {
  try {
    const isFifo = fileStats(path)?.isFIFO() === true;
    // opened for reading too, a FIFO can be opened without a reader, and remains open when its reader closes
    const fd = fs.openSync(path, (isFifo ? O_RDWR : O_WRONLY) | O_APPEND | O_CREAT | O_NONBLOCK, 0o640);
    return { fd, owned: true, isFile: isFile(fd), name: path };
  } catch (error) {
    throw new ProductionizeError(
      'ERR_PRODUCTIONIZE_OPTION',
      `createLogDestination: expected \`path\` to be a file that can be appended to, got ${quote(path)}: ${(error as Error).message}.`,
    );
  }
}

/** Uses an open descriptor, and makes writing to it non-blocking. */
export function useDescriptor(fd: number): Sink {
  const name = fd === 1 ? 'stdout' : fd === 2 ? 'stderr' : `descriptor ${fd}`;
  let toFile: boolean;
  try {
    toFile = isFile(fd);
  } catch (error) {
    throw new ProductionizeError(
      'ERR_PRODUCTIONIZE_OPTION',
      `createLogDestination: expected \`fd\` to be an open descriptor, got ${fd}: ${(error as Error).message}.`,
    );
  }
  if (isMainThread && (fd === 1 || fd === 2)) {
    // libuv makes a pipe, socket or terminal non-blocking when Node creates the stream, which reading these
    // properties does
    for (const stream of [process.stdout, process.stderr]) exitHooks.guard(stream);
    return { fd, owned: false, isFile: toFile, name };
  }
  const own = toFile ? undefined : reopen(fd);
  return { fd: own ?? fd, owned: own !== undefined, isFile: toFile, name };
}

/**
 * Opens a second, non-blocking description of a pipe or terminal. A socket cannot be opened in this way and is used
 * unchanged.
 */
function reopen(fd: number): number | undefined {
  try {
    return fs.openSync(`/proc/self/fd/${fd}`, O_WRONLY | O_NONBLOCK);
  } catch {
    return undefined;
  }
}

function isFile(fd: number): boolean {
  const stats = fileStats(fd);
  return stats?.isFile() === true || stats?.isBlockDevice() === true;
}
