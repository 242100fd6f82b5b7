import { format } from 'node:util';
import type { Logger } from 'pino';
import { attempt } from './attempt.js';
import {
  type LoggerKind,
  longestFlushMs,
  type Methods,
  severities,
  type Target,
  targetOf,
} from './logger-kinds.js';
import { lostLineReporter } from './lost-lines.js';
import { isLogger, type LogLevel, type PartLogger } from './part-logger.js';
import { serializeError } from './serialize-error.js';
import { withTimeLimit } from './time-limit.js';

const adapters = new WeakMap<object, LoggerAdapter>();

/** Returns the adapter of a logger. All parts that write to one logger share it. */
export function adaptLogger(logger: PartLogger): LoggerAdapter {
  if (logger instanceof LoggerAdapter) return logger;
  let adapter = adapters.get(logger);
  if (adapter === undefined) {
    adapter = new LoggerAdapter(logger);
    adapters.set(logger, adapter);
  }
  return adapter;
}

/**
 * One interface for a pino, bunyan or winston of any copy, and for other loggers. No method throws: a line that the
 * logger refuses is reported as a warning of the process.
 */
export class LoggerAdapter implements PartLogger {
  readonly logger: PartLogger;
  readonly #target: Target;
  readonly #reportLostLine = lostLineReporter();

  constructor(logger: PartLogger) {
    this.logger = logger;
    this.#target = targetOf(logger as unknown as Methods);
  }

  get kind(): LoggerKind {
    return this.#target.kind;
  }

  get level(): string | undefined {
    return attempt(() => this.#target.level());
  }

  write(level: LogLevel, fields: object, message: string): void {
    try {
      this.#target.write(level, withoutUndefined(fields), message);
    } catch (error) {
      this.#reportLostLine(error);
    }
  }

  info(fields: object, message: string): void {
    this.write('info', fields, message);
  }

  warn(fields: object, message: string): void {
    this.write('warn', fields, message);
  }

  error(fields: object, message: string): void {
    this.write('error', fields, message);
  }

  fatal(fields: object, message: string): void {
    this.write('fatal', fields, message);
  }

  isLevelEnabled(level: LogLevel): boolean {
    try {
      return this.#target.isLevelEnabled(level);
    } catch {
      return true;
    }
  }

  /** Returns a logger of the same kind whose lines contain these fields. A logger without children gets a simple one. */
  child(fields: object): Logger {
    const child = attempt(() => this.#target.child(fields));
    return (isLogger(child) ? child : simpleChild(this, fields)) as Logger;
  }

  /** Resolves when the logger has written its lines, or after a second. */
  async flush(): Promise<void> {
    const flushed = attempt(() => this.#target.flush()) ?? Promise.resolve();
    await withTimeLimit(flushed, longestFlushMs, () => {}).catch(() => {});
  }
}

/** pino's mixins and the formats of winston see each key, also one whose value is undefined. */
function withoutUndefined(fields: object): object {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined));
}

/** The `req.log` of a logger without children. Its methods take what pino's take. */
function simpleChild(adapter: LoggerAdapter, fields: object): object {
  const methods = severities.map((level) => [
    level,
    (first: unknown, ...rest: unknown[]) => {
      if (typeof first === 'string') adapter.write(level, fields, format(first, ...rest));
      else if (first instanceof Error) {
        const err = serializeError(first);
        adapter.write(level, { ...fields, err }, rest.length > 0 ? format(...rest) : err.message);
      } else adapter.write(level, { ...fields, ...(first as object) }, format(...rest));
    },
  ]);
  return {
    ...Object.fromEntries(methods),
    isLevelEnabled: (level: LogLevel) => adapter.isLevelEnabled(level),
    child: (more: object) => simpleChild(adapter, { ...fields, ...more }),
  };
}

/** Writes one line, if there is a logger. */
export function logLine(
  logger: PartLogger | undefined,
  level: LogLevel,
  fields: object,
  message: string,
): void {
  if (logger) adaptLogger(logger).write(level, fields, message);
}
