import fs from 'node:fs';
import { isMainThread } from 'node:worker_threads';
import { ProductionizeError, quote } from '../support/errors.js';
import { exitHooks } from './log-exit.js';

/** An open descriptor to write lines to. */
export interface Sink {
  readonly fd: number;
  /** Whether the descriptor is ours to close. */
  readonly owned: boolean;
  /** A file takes asynchronous writes; all else is written to while it takes bytes without waiting. */
  readonly isFile: boolean;
  /** For messages. */
  readonly name: string;
}

const { O_APPEND, O_CREAT, O_NONBLOCK = 0, O_RDWR, O_WRONLY } = fs.constants;

/** Opens a file or FIFO to append to. */
export function openPath(path: string): Sink {
  try {
    const isFifo = fs.statSync(path, { throwIfNoEntry: false })?.isFIFO() === true;
    // a FIFO that is open for reading too needs no reader to be opened, and outlives its reader
    const fd = fs.openSync(path, (isFifo ? O_RDWR : O_WRONLY) | O_APPEND | O_CREAT | O_NONBLOCK, 0o640);
    return { fd, owned: true, isFile: isFile(fd), name: path };
  } catch (error) {
    throw new ProductionizeError(
      'ERR_PRODUCTIONIZE_OPTION',
      `createLogDestination: expected \`path\` to be a file that can be appended to, got ${quote(path)}: ${(error as Error).message}.`,
    );
  }
}

/** Takes a descriptor that is open already, and sees to it that writing to it does not block. */
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
    // libuv makes a pipe, socket or terminal non-blocking when Node opens its stream, which reading these does
    for (const stream of [process.stdout, process.stderr]) exitHooks.guard(stream);
    return { fd, owned: false, isFile: toFile, name };
  }
  const own = toFile ? undefined : reopen(fd);
  return { fd: own ?? fd, owned: own !== undefined, isFile: toFile, name };
}

/** A second, non-blocking description of a pipe or terminal; a socket has none, and is used as it stands. */
function reopen(fd: number): number | undefined {
  try {
    return fs.openSync(`/proc/self/fd/${fd}`, O_WRONLY | O_NONBLOCK);
  } catch {
    return undefined;
  }
}

function isFile(fd: number): boolean {
  const stats = fs.fstatSync(fd);
  return stats.isFile() || stats.isBlockDevice();
}
