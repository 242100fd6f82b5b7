import { tracingChannel } from 'node:diagnostics_channel';
import pino, { type Logger } from 'pino';
import { processWide } from '../support/process-wide.js';
import { messageOf, type RequestLine } from './request-line.js';

type Level = 'info' | 'warn' | 'error';

/** Writes the line of a request without an error. False where pino has to: for fields that need more than quotes. */
export type WritePlainLine = (level: Level, line: RequestLine) => boolean;

const { asJsonSym, chindingsSym, streamSym } = pino.symbols;

const plainLoggers = processWide('plain-loggers', () => new WeakSet<object>());
const { start: traced } = tracingChannel('pino_asJson');

/** Notes that nothing in the options of a logger changes how its lines look. */
export function markPlain(logger: Logger): void {
  plainLoggers.add(logger);
}

/**
 * The writer of plain lines for a logger, in pino's own format and to pino's own stream: one template instead of a
 * walk over fields, serializers and hooks costs a quarter. `undefined` for a logger that only pino itself can follow.
 */
export function plainLineWriter(logger: Logger): WritePlainLine | undefined {
  const internals = logger as unknown as Record<symbol, unknown>;
  // agents that add trace ids to lines wrap this function
  const { name } = internals[asJsonSym] as { name: string };
  if (!plainLoggers.has(logger) || name !== 'asJson') return undefined;
  const stream = internals[streamSym] as { write(line: string): void };
  const heads = Object.fromEntries(
    (['info', 'warn', 'error'] as const).map((level) => [level, `{"level":${logger.levels.values[level]}`]),
  ) as Record<Level, string>;

  return function writePlainLine(level, line) {
    if (line.err !== undefined || line.headers !== undefined || traced.hasSubscribers) return false;
    const { reqId, trace_id, span_id, method, url, route, status, outcome, durationMs, bytes } = line;
    const trace = trace_id === undefined ? '' : `,"trace_id":"${trace_id}","span_id":"${span_id}"`;
    const place = route === undefined ? '' : `,"route":${quote(route)}`;
    const size = bytes === undefined ? '' : `,"bytes":${Number.isFinite(bytes) ? bytes : null}`;
    const request = `,"reqId":${quote(reqId)}${trace},"method":${quote(method)},"url":${quote(url)}${place}`;
    const answer = `,"status":${status},"outcome":"${outcome}","durationMs":${durationMs}${size}`;
    stream.write(
      `${heads[level]},"time":${Date.now()}${internals[chindingsSym]}${request}${answer},"msg":${quote(messageOf(line))}}\n`,
    );
    return true;
  };
}

/** JSON of a text; most need nothing but the quotes. */
function quote(text: string): string {
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    if (unit < 32 || unit > 126 || unit === 34 || unit === 92) return JSON.stringify(text);
  }
  return `"${text}"`;
}
