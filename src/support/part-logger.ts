import { hasMethods } from './options.js';

/**
 * The logger of a part: a pino of any version, a bunyan, a winston, `console`, or any object with these methods. Every
 * part passes facts as fields, and a message.
 */
export interface PartLogger {
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
  /** @default error */
  fatal?(fields: object, message: string): void;
}

/** The levels of pino and bunyan, to which those of other loggers are mapped. */
export type LogLevel = 'trace' | 'debug' | 'info' | 'warn' | 'error' | 'fatal';

export const isPartLogger = hasMethods('a logger with `info`, `warn` and `error`', 'info', 'warn', 'error');

export function isLogger(value: unknown): value is PartLogger {
  return isPartLogger(value) === undefined;
}
