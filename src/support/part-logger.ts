import { debugFor } from './debug.js';
import { hasMethods } from './options.js';

/**
 * The logger of a part. Every part passes facts as fields, and a message. A pino or bunyan logger fits, and so does
 * `console`.
 */
export interface PartLogger {
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
  /** @default error */
  fatal?(fields: object, message: string): void;
}

const debug = debugFor('log');

export const isPartLogger = hasMethods('a logger with `info`, `warn` and `error`', 'info', 'warn', 'error');

/** Writes one line. An error of the logger is ignored and printed by `debug` only. */
export function logLine(
  logger: PartLogger | undefined,
  level: keyof PartLogger,
  fields: object,
  message: string,
): void {
  try {
    if (level === 'fatal' && !logger?.fatal) logger?.error(fields, message);
    else logger?.[level]?.(fields, message);
  } catch (error) {
    debug(() => ['the logger threw: %o', error]);
  }
}
