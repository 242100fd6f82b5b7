import { format } from 'node:util';
import type { Logger } from 'pino';
import { lostLineReporter } from './lost-lines.js';
import { isLogger, type LogLevel, type PartLogger } from './part-logger.js';
import { read, serializeError } from './serialize-error.js';
import { withTimeLimit } from './time-limit.js';

export type LoggerKind = 'pino' | 'bunyan' | 'winston' | 'other';

/** How lines are written to one kind of logger. The methods may throw. */
interface Target {
  readonly kind: LoggerKind;
  /** The lowest level that is written, if the logger has one. */
  level(): string | undefined;
  write(level: LogLevel, fields: object, message: string): void;
  isLevelEnabled(level: LogLevel): boolean;
  /** Returns the logger's own child. Returns `undefined` for a logger without children. */
  child(fields: object): unknown;
  flush(): Promise<unknown>;
}

type Methods = Record<string, (...args: unknown[]) => unknown>;

const methodNames: Readonly<Record<LogLevel, readonly string[]>> = {
  fatal: ['fatal', 'error'],
  error: ['error'],
  warn: ['warn'],
  info: ['info'],
  debug: ['debug'],
  trace: ['trace', 'debug'],
};

/** The names of winston's levels in the order of preference: its own, those of syslog, and common others. */
const winstonNames: Readonly<Record<LogLevel, readonly string[]>> = {
  fatal: ['fatal', 'crit', 'critical', 'emerg', 'alert', 'error'],
  error: ['error', 'err', 'crit'],
  warn: ['warn', 'warning', 'notice'],
  info: ['info', 'notice', 'verbose'],
  debug: ['debug', 'verbose', 'silly', 'trace'],
  trace: ['trace', 'silly', 'debug', 'verbose'],
};
const severities = Object.keys(winstonNames) as LogLevel[];

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

function attempt<Result>(action: () => Result): Result | undefined {
  try {
    return action();
  } catch {
    return undefined;
  }
}

/** pino's mixins and the formats of winston see each key, also one whose value is undefined. */
function withoutUndefined(fields: object): object {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined));
}

function targetOf(logger: Methods): Target {
  const levels = read(logger, 'levels');
  if (isFunction(logger, 'addStream') && typeof levels === 'function') return bunyanTarget(logger);
  if (isFunction(logger, 'isLevelEnabled') && isObject(read(levels, 'values'))) return pinoTarget(logger);
  if (isFunction(logger, 'log') && isFunction(logger, 'add')) {
    if (isObject(levels)) return winstonTarget(logger);
    // the module itself is a logger without `levels`; its children have them
    const child = attempt(() => logger.child?.({}));
    if (isObject(read(child, 'levels'))) return winstonTarget(child as Methods);
  }
  return otherTarget(logger);
}

function isFunction(value: unknown, name: string): boolean {
  return typeof read(value, name) === 'function';
}

function isObject(value: unknown): boolean {
  return typeof value === 'object' && value !== null;
}

function pinoTarget(logger: Methods): Target {
  // this serializer replaces that of any logger: an error of an HTTP client contains the headers it sent
  const writer = logger.child?.({}, { serializers: { err: serializeError } }) as Methods;
  const { write } = methodsTarget(writer);
  return {
    ...methodsTarget(logger),
    kind: 'pino',
    write(level, fields, message) {
      // children of older versions do not inherit a level that is set later
      if (writer.level !== logger.level) (writer as { level: unknown }).level = logger.level;
      write(level, fields, message);
    },
    flush: () =>
      new Promise((resolve) => {
        if (isFunction(logger, 'flush')) logger.flush?.(resolve);
        else resolve(undefined);
      }),
  };
}

const bunyanLevels: Readonly<Record<LogLevel, number>> = {
  fatal: 60,
  error: 50,
  warn: 40,
  info: 30,
  debug: 20,
  trace: 10,
};

function bunyanTarget(logger: Methods): Target {
  const lowest = (): number => logger.level?.() as number;
  // bunyan's own child would not follow later changes of its parent's levels and streams
  const writer = Object.create(logger, {
    serializers: { get: () => ({ ...(read(logger, 'serializers') as object), err: serializeError }) },
  }) as Methods;
  return {
    ...methodsTarget(logger),
    kind: 'bunyan',
    level: () => severities.find((level) => bunyanLevels[level] === lowest()) ?? String(lowest()),
    write: methodsTarget(writer).write,
    isLevelEnabled: (level) => lowest() <= bunyanLevels[level],
    child: (fields) => logger.child?.(fields, true),
    flush: () =>
      whenWritten(() => (read(logger, 'streams') as unknown[]).map((entry) => read(entry, 'stream'))),
  };
}

function winstonTarget(logger: Methods): Target {
  const levels = read(logger, 'levels') as Record<string, number>;
  const sorted = Object.keys(levels).sort((a, b) => (levels[a] as number) - (levels[b] as number));
  const names = Object.fromEntries(
    severities.map((level, rank) => {
      const known = winstonNames[level].find((name) => levels[name] !== undefined);
      return [level, known ?? sorted[Math.min(rank, sorted.length - 1)]];
    }),
  ) as Record<LogLevel, string>;
  return {
    ...methodsTarget(logger),
    kind: 'winston',
    // the form with three arguments drops the fields of a message that contains `%d`
    write(level, fields, message) {
      const stack = read(read(fields, 'err'), 'stack');
      // winston's own formats print the stack of this field
      const ofError = stack === undefined ? {} : { stack };
      logger.log?.({ ...fields, ...ofError, level: names[level], message });
    },
    isLevelEnabled: (level) => logger.isLevelEnabled?.(names[level]) !== false,
    flush: () => whenWritten(() => [logger, ...(read(logger, 'transports') as unknown[])]),
  };
}

function otherTarget(logger: Methods): Target {
  return { ...methodsTarget(logger), kind: 'other' };
}

/** A logger that has a method for each level, with fields and a message as its arguments. */
function methodsTarget(logger: Methods): Omit<Target, 'kind'> {
  return {
    level() {
      const level = read(logger, 'level');
      return typeof level === 'string' ? level : undefined;
    },
    write(level, fields, message) {
      const name = methodNames[level].find((each) => isFunction(logger, each));
      if (name !== undefined) logger[name]?.(fields, message);
    },
    isLevelEnabled: (level) => logger.isLevelEnabled?.(level) !== false,
    child: (fields) => logger.child?.(fields),
    flush: async () => logger.flush?.(),
  };
}

const flushPauseMs = 5;
const longestFlushMs = 1000;

/**
 * Resolves when the streams of a logger, and the streams that these write to, have no data queued. Ending them would be
 * the documented way, but later lines would then throw.
 */
async function whenWritten(streams: () => readonly unknown[]): Promise<void> {
  const end = performance.now() + longestFlushMs;
  const inner = (stream: unknown) => [stream, ...(isObject(stream) ? Object.values(stream as object) : [])];
  while (streams().flatMap(inner).some(hasQueuedData) && performance.now() < end) {
    await new Promise((resolve) => setTimeout(resolve, flushPauseMs));
  }
}

function hasQueuedData(stream: unknown): boolean {
  return ['writableLength', 'readableLength'].some((name) => Number(read(stream, name)) > 0);
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
