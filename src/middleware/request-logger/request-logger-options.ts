import { createLogger } from '../../logging/logger.js';
import {
  type Check,
  checkOptions,
  isBoolean,
  isEither,
  isInteger,
  isOneOf,
  isStringList,
} from '../../support/options.js';
import { isPartLogger, type PartLogger } from '../../support/part-logger.js';
import { probePaths } from '../../support/url-path.js';
import type { DebugBufferOptions } from './log-buffer.js';

/** Options of `requestLogger`. */
export interface RequestLoggerOptions {
  /**
   * The logger that writes the lines: a pino of any version, a bunyan, a winston or another; `req.log` is a child of it.
   * @default createLogger()
   */
  readonly logger?: PartLogger;
  /**
   * Paths that are not logged when they succeed, for the probes of an orchestrator.
   * @default ['/livez', '/readyz', '/startupz', '/healthz', '/health']
   */
  readonly silentPaths?: readonly string[];
  /**
   * Names of request headers to log. The values of secret headers are `[redacted]`, and so are secrets in URLs.
   * @default []
   */
  readonly headers?: readonly string[];
  /**
   * Names of query parameters to redact in addition to the usual ones, such as `token`, `key`, `code` and `password`.
   * @default []
   */
  readonly redactQuery?: readonly string[];
  /**
   * The status that is logged when the client disconnected before the response was complete: `null`, or nginx's 499.
   * @default null
   */
  readonly abortedStatus?: 499 | null;
  /**
   * The number of identical errors per second that are logged individually. Further ones become one line with
   * `repeated`. `false` logs all.
   * @default 10
   */
  readonly collapseErrorsAbove?: number | false;
  /**
   * Whether `debug` and `trace` lines of `req.log` are buffered and written when the request fails, although the level
   * is higher.
   * @default false
   */
  readonly bufferDebug?: boolean | DebugBufferOptions;
}

const isBufferOptions: Check = (value) => {
  checkOptions('requestLogger.bufferDebug', value as DebugBufferOptions, {
    maxRequestBytes: isInteger('bytes', 0),
    maxTotalBytes: isInteger('bytes', 0),
  });
  return undefined;
};

export const optionChecks = {
  logger: isPartLogger,
  silentPaths: isStringList,
  headers: isStringList,
  redactQuery: isStringList,
  abortedStatus: isOneOf(null, 499),
  collapseErrorsAbove: isEither(isOneOf(false), isInteger('errors', 1)),
  bufferDebug: isEither(isBoolean, isBufferOptions),
};

export function resolveRequestLogger(options: RequestLoggerOptions | undefined) {
  const { logger = createLogger(), ...given } = checkOptions('requestLogger', options, optionChecks);
  return {
    logger,
    silentPaths: probePaths,
    headers: [],
    abortedStatus: null,
    collapseErrorsAbove: 10,
    bufferDebug: false,
    ...given,
  };
}
