import { ProductionizeError } from '../support/errors.js';
import { checkOptions, isInteger, isString, maxInt32 } from '../support/options.js';
import { BufferedDestination, type LogDestination } from './buffered-destination.js';
import { openPath, useDescriptor } from './log-sink.js';

export type { LogDestination };

/** Options of {@link createLogDestination}. */
export interface LogDestinationOptions {
  /**
   * The open file descriptor to write to.
   * @default 1
   */
  readonly fd?: number;
  /**
   * A file or FIFO to append to instead; a missing file is created. It stays open: rotate it by `copytruncate`, or log
   * to stdout and leave the file to the process manager.
   * @default undefined
   */
  readonly path?: string;
  /**
   * Bytes that may wait for a slow reader or disk; lines beyond it are dropped and counted.
   * @default 8388608
   */
  readonly maxBufferBytes?: number;
  /**
   * Milliseconds the end of the process waits for a reader that takes nothing.
   * @default 300
   */
  readonly exitDeadlineMs?: number;
}

/**
 * Where log lines go: queued in memory and written in batches, so that neither a slow disk nor a full pipe stops
 * the event loop. Lines are dropped and counted when `maxBufferBytes` wait; what waits is written before the
 * process exits or a signal ends it. When the reader is gone, logging stops and the process lives.
 *
 * @throws ProductionizeError when an option is wrong, or the file or descriptor cannot be opened.
 * @example
 * const destination = createLogDestination({ path: '/var/log/app.log' })
 * const logger = createLogger({ destination })
 */
export function createLogDestination(options?: LogDestinationOptions): LogDestination {
  const {
    fd = 1,
    path,
    maxBufferBytes = 8_388_608,
    exitDeadlineMs = 300,
  } = checkOptions('createLogDestination', options, {
    fd: isInteger('descriptors', 0, maxInt32),
    path: isString,
    maxBufferBytes: isInteger('bytes', 1024),
    exitDeadlineMs: isInteger('milliseconds', 0, 60_000),
  });
  if (options?.fd !== undefined && path !== undefined) {
    throw new ProductionizeError(
      'ERR_PRODUCTIONIZE_OPTION',
      'createLogDestination: expected `fd` or `path`, got both. Leave one out.',
    );
  }
  const sink = path === undefined ? useDescriptor(fd) : openPath(path);
  return new BufferedDestination(sink, maxBufferBytes, exitDeadlineMs);
}
