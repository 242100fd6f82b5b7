import { attempt } from './attempt.js';
import type { LogLevel } from './part-logger.js';
import { read, serializeError } from './serialize-error.js';

export type LoggerKind = 'pino' | 'bunyan' | 'winston' | 'other';

/** How lines are written to one kind of logger. The methods may throw. */
export interface Target {
  readonly kind: LoggerKind;
  /** The lowest level that is written, if the logger has one. */
  level(): string | undefined;
  write(level: LogLevel, fields: object, message: string): void;
  isLevelEnabled(level: LogLevel): boolean;
  /** Returns the logger's own child. Returns `undefined` for a logger without children. */
  child(fields: object): unknown;
  flush(): Promise<unknown>;
}

export type Methods = Record<string, (...args: unknown[]) => unknown>;

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
/** The levels, the most severe first. */
export const severities = Object.keys(winstonNames) as LogLevel[];

/** Recognizes the kind of a logger by its methods, since every copy of a package has its own classes. */
export function targetOf(logger: Methods): Target {
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
/** The longest time to wait for a logger to write its lines. */
export const longestFlushMs = 1000;

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
