import { tracingChannel } from 'node:diagnostics_channel';
import pino, { type Logger } from 'pino';
import type { PartLogger } from '../support/part-logger.js';
import { processWide } from '../support/process-wide.js';
import { stackDepth } from '../support/stack-depth.js';
import { plainLoggersKey } from '../support/symbols.js';
import { withoutQuery } from '../support/url-path.js';
import { limitLine } from './line-limit.js';
import type { RequestLine } from './request-line.js';

type Level = 'info' | 'warn' | 'error';

/**
 * Writes the line of a request without an error. Returns false when pino has to write it, because a field needs a
 * serializer.
 */
export type WritePlainLine = (level: Level, line: RequestLine) => boolean;

const { asJsonSym, chindingsSym, mixinSym, streamSym } = pino.symbols;

/** The plain loggers, each with its mixin: an agent may replace the mixin to add trace ids to lines. */
const plainLoggers = processWide(plainLoggersKey, () => new WeakMap<object, unknown>());
const { start: traced } = tracingChannel('pino_asJson');

/** Marks a logger whose options do not change the format of its lines. It is called before an agent has changed it. */
export function markPlain(logger: Logger, mixin: unknown): void {
  plainLoggers.set(logger, mixin);
}

/**
 * Creates a writer of plain lines for a logger, in pino's format and to pino's stream. It uses one template in place of
 * fields, serializers and hooks, which costs a quarter of the time. Returns `undefined` for a logger whose lines only
 * pino can write.
 */
export function plainLineWriter(logger: PartLogger): WritePlainLine | undefined {
  const internals = logger as unknown as Record<symbol, unknown>;
  // a logger of another copy of pino has other symbols
  if (!plainLoggers.has(logger) || internals[asJsonSym] === undefined) return undefined;
  if (internals[mixinSym] !== plainLoggers.get(logger) || isWrapped(logger as Logger)) return undefined;
  const stream = internals[streamSym] as { write(line: string): void };
  const { values } = (logger as Logger).levels;
  const heads = Object.fromEntries(
    (['info', 'warn', 'error'] as const).map((level) => [level, `{"level":${values[level]}`]),
  ) as Record<Level, string>;

  return function writePlainLine(level, line) {
    if (line.err !== undefined || line.headers !== undefined || traced.hasSubscribers) return false;
    const { reqId, trace_id, span_id, url, route, status, outcome, durationMs, bytes } = line;
    const method = escaped(line.method);
    const path = escaped(url);
    const pattern = route === undefined ? undefined : escaped(route);
    const trace = trace_id === undefined ? '' : `,"trace_id":"${trace_id}","span_id":"${span_id}"`;
    const place = pattern === undefined ? '' : `,"route":"${pattern}"`;
    const size = bytes === undefined ? '' : `,"bytes":${Number.isFinite(bytes) ? bytes : null}`;
    const ending = outcome === 'completed' ? status : outcome;
    const text = `${heads[level]},"time":${Date.now()}${internals[chindingsSym]},"reqId":"${escaped(reqId)}"${trace},"method":"${method}","url":"${path}"${place},"status":${status},"outcome":"${outcome}","durationMs":${durationMs}${size},"msg":"${method} ${pattern ?? withoutQuery(path)} ${ending}"}\n`;
    stream.write(limitLine(text));
    return true;
  };
}

/** The calls of pino itself from its formatting function to the getter of a field, with that getter. */
const depthOfPino = 3;

/**
 * Whether an agent has wrapped pino's formatting function, to add trace ids to lines or to send them. A wrapper adds a
 * call to the stack.
 */
function isWrapped(logger: Logger): boolean {
  let inside = Number.POSITIVE_INFINITY;
  const probe = {
    get field(): never {
      inside = stackDepth();
      // no agent receives the line
      throw new Error('probe');
    },
  };
  try {
    (logger as unknown as Record<symbol, (...args: unknown[]) => void>)[asJsonSym]?.(probe, '', 30, '');
  } catch {
    // the getter has thrown
  }
  return inside - stackDepth() > depthOfPino;
}

/** Escapes a text for a JSON string. Most texts need no escaping. */
function escaped(text: string): string {
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    if (unit < 32 || unit > 126 || unit === 34 || unit === 92) return JSON.stringify(text).slice(1, -1);
  }
  return text;
}
