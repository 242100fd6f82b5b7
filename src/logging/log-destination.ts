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
   * A file or FIFO to append to instead of a descriptor; a missing file is created. It remains open: rotate it with
   * `copytruncate`, or log to stdout and let the process manager write the file.
   * @default undefined
   */
  readonly path?: string;
  /**
   * Bytes that are buffered for a slow reader or disk; lines beyond it are dropped and counted.
   * @default 8388608
   */
  readonly maxBufferBytes?: number;
  /**
   * Milliseconds that the exit of the process is delayed for a reader that accepts no bytes.
   * @default 300
   */
  readonly exitDeadlineMs?: number;
}

/**
 * Creates a destination for log lines. It queues them in memory and writes them in batches, so that neither a slow disk
 * nor a full pipe blocks the event loop. Lines are dropped and counted while `maxBufferBytes` are queued. Queued lines
 * are written before the process exits or a signal ends it. When the reader has closed, logging stops and the process
 * continues.
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
