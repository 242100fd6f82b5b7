import pino, { type DestinationStream, type Logger, type LoggerOptions as PinoOptions } from 'pino';
import { currentContext } from '../support/context/context.js';
import { currentSpan, tracksSpans } from '../support/context/current-span.js';
import { readEnvironment } from '../support/environment.js';
import { lostLineReporter } from '../support/lost-lines.js';
import {
  checkOptions,
  hasMethods,
  isEither,
  isMilliseconds,
  isObject,
  isOneOf,
  isString,
  isStringList,
} from '../support/options.js';
import { processWide } from '../support/process-wide.js';
import { serializeError } from '../support/serialize-error.js';
import { logStdoutKey } from '../support/symbols.js';
import { unobserved } from '../support/unobserved.js';
import { limitLine } from './line-limit.js';
import { createLogDestination, type LogDestination } from './log-destination.js';
import { isLevelSignal, setLogLevelOnSignal, trackChildren } from './log-level.js';
import { markPlain } from './plain-line.js';
import { redirectedStdout } from './redirected-stdout.js';
import { type FormatLine, terminalFormat } from './terminal-lines.js';

/** Options of {@link createLogger}. */
export interface LoggerOptions {
  /**
   * The lowest level that is written: `trace`, `debug`, `info`, `warn`, `error`, `fatal` or `silent`.
   * @default 'info', and 'silent' when NODE_ENV is `test`
   */
  readonly level?: string;
  /**
   * The destination of the lines: any destination or stream that pino takes, or the path of a file to append to.
   * @default one destination on stdout that all loggers share; on a terminal outside production, lines are formatted
   * for people, by `pino-pretty` where it is installed
   */
  readonly destination?: DestinationStream | string;
  /**
   * Paths to censor in every line, as in pino's `redact`.
   * @default undefined
   */
  readonly redact?: PinoOptions['redact'];
  /**
   * Fields of every line; `null` for none.
   * @default { pid }
   */
  readonly base?: Record<string, unknown> | null;
  /**
   * A signal that sets the level to `debug`, or restores it when sent again, such as `'SIGUSR2'`. See
   * {@link setLogLevelOnSignal}.
   * @default false
   */
  readonly levelSignal?: NodeJS.Signals | false;
  /**
   * Milliseconds after which the level before `levelSignal` is restored.
   * @default 300000
   */
  readonly levelSignalMs?: number;
}

const isDestination = hasMethods('an object with a `write` method', 'write');

const levels = [...Object.keys(pino.levels.values), 'silent'];

/**
 * Creates a pino logger with a destination that never blocks (see {@link createLogDestination}). An error is logged
 * with its type, message, stack, code, status and causes, and without its other properties. The same applies to the
 * fields `err` and `error` of a line. Logging never throws, even when a line cannot be written.
 *
 * @throws ProductionizeError when an option is wrong.
 * @example
 * const logger = createLogger({ level: 'debug', redact: ['user.email'] })
 * logger.error(error, 'the import failed')
 */
export function createLogger(options?: LoggerOptions): Logger {
  const { level, destination, redact, base, levelSignal, levelSignalMs } = checkOptions(
    'createLogger',
    options,
    {
      level: isOneOf(...levels),
      destination: isEither(isDestination, isString),
      redact: isEither(isStringList, isObject('an object')),
      base: isEither(isObject('an object'), isOneOf(null)),
      levelSignal: isEither(isOneOf(false), isLevelSignal),
      levelSignalMs: isMilliseconds(1),
    },
  );
  const children = trackChildren();
  const logger = pino(
    {
      level: level ?? (readEnvironment().mode === 'test' ? 'silent' : 'info'),
      base: base === undefined ? { pid: process.pid } : base,
      ...(redact !== undefined && { redact }),
      serializers: { err: serializeError, error: serializeIfError },
      hooks: { logMethod, streamWrite: limitLine },
      onChild: children.onChild,
      mixin: spanIds,
      mixinMergeStrategy: withIds,
    },
    typeof destination === 'string' ? createLogDestination({ path: destination }) : (destination ?? stdout),
  );
  children.of(logger);
  if (redact === undefined) markPlain(logger, spanIds);
  if (levelSignal) setLogLevelOnSignal(logger, levelSignal, { revertAfterMs: levelSignalMs });
  return logger;
}

const noIds: object = Object.freeze({});

/** The mixin that adds the ids of OpenTelemetry's current span to a line. */
function spanIds(): object {
  if (!tracksSpans()) return noIds;
  const ids = currentSpan() ?? currentContext()?.trace;
  return ids === undefined ? noIds : { trace_id: ids.traceId, span_id: ids.spanId };
}

function withIds(fields: object, ids: object): object {
  return ids === noIds ? fields : { ...ids, ...fields };
}

/** Serializes the field `error` as `err` is; a value that is not an Error is logged unchanged. */
function serializeIfError(value: unknown): unknown {
  return value instanceof Error ? serializeError(value) : value;
}

/**
 * Logs an error with its serialized message. Without a message argument, pino would read `error.message` itself: a
 * getter may throw, and body-parser's message quotes the request body. pino also throws when a getter throws, and on
 * `%s` of an object without a prototype, such as `req.query` in Express 5.
 */
function logMethod(this: Logger, args: unknown[], method: (...args: unknown[]) => void, level: number): void {
  const first = args[0];
  if (typeof first === 'object' && first !== null) {
    const error = errorIn(first);
    if (error !== undefined) {
      const err = serializeError(error);
      if (error === first) args[0] = { err };
      if (args[1] === undefined) args.splice(1, 1, '%s', err.message);
    }
  }
  try {
    method.apply(this, args);
  } catch (error) {
    writeShortLine(this, error, args, level);
  }
}

const { chindingsSym, streamSym } = pino.symbols;
const reportLostLine = lostLineReporter();

/** Writes a line without the getters, serializers and censors of the app, because one of them threw. */
function writeShortLine(logger: Logger, error: unknown, args: unknown[], level: number): void {
  try {
    const internals = logger as unknown as Record<symbol, unknown>;
    const line = [args[0], args[1]].find((text) => typeof text === 'string' && text !== '%s');
    const fields = { err: serializeError(error), line, msg: 'a line could not be written' };
    const head = `{"level":${level},"time":${Date.now()}${internals[chindingsSym]}`;
    (internals[streamSym] as DestinationStream).write(
      limitLine(`${head},${JSON.stringify(fields).slice(1)}\n`),
    );
  } catch (writeError) {
    reportLostLine(writeError);
  }
}

function errorIn(first: object): unknown {
  try {
    return first instanceof Error ? first : ((first as { err?: unknown }).err ?? undefined);
  } catch {
    return first;
  }
}

let shared: LogDestination | undefined;
let format: FormatLine | undefined;

/** The shared destination is opened with the first line, so that a silent logger adds no listeners to the process. */
const stdout: DestinationStream & Pick<LogDestination, 'flush' | 'flushSync'> = {
  write(line) {
    if (shared === undefined) {
      shared = processWide(logStdoutKey, () => redirectedStdout() ?? unobserved(createLogDestination));
      format = terminalFormat();
    }
    shared.write(format ? format(line) : line);
  },
  async flush(callback) {
    await shared?.flush();
    callback?.();
  },
  flushSync() {
    shared?.flushSync();
  },
};
