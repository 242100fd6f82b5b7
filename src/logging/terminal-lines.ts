import { createRequire } from 'node:module';
import path from 'node:path';
import { isatty } from 'node:tty';
import { readEnvironment } from '../support/environment.js';
import { processWide } from '../support/process-wide.js';
import { readableLogKey } from '../support/symbols.js';
import { unobserved } from '../support/unobserved.js';

/** Formats a line of JSON, which ends in a newline, as text for people. */
export type FormatLine = (line: string) => string;

type Fields = Record<string, unknown>;

const levels: Readonly<Record<string, readonly [name: string, colour: number]>> = {
  10: ['TRACE', 90],
  20: ['DEBUG', 34],
  30: ['INFO', 32],
  40: ['WARN', 33],
  50: ['ERROR', 31],
  60: ['FATAL', 41],
};
/** Fields that the formatted text contains already, or that are of no use on a terminal. */
const omitted = new Set(['level', 'time', 'pid', 'hostname', 'msg', 'err', 'error']);
const ofRequest = new Set(['method', 'url', 'route', 'status', 'outcome', 'durationMs']);
const timeStart = 11;
const timeEnd = 23;

const readableVariable = 'EXPRESS_PRODUCTIONIZE_READABLE_LOG';
const readable = processWide(readableLogKey, () => ({ inProduction: false }));

/** Makes lines on a terminal readable in production, too, in this process and in its workers. */
export function requestReadableLog(): void {
  readable.inProduction = true;
  process.env[readableVariable] = '1';
}

/** Called in a worker at its start. The variable is removed, since it is not for the children of the app. */
export function inheritReadableLog(): void {
  readable.inProduction = process.env[readableVariable] === '1';
  delete process.env[readableVariable];
}

/**
 * The format of lines on a terminal, by `pino-pretty` if the app has it installed. It is `undefined` where lines are
 * written as JSON, as in production, except for an app that `express-productionize start` runs on a terminal.
 */
export function terminalFormat(fd = 1, env: NodeJS.ProcessEnv = process.env): FormatLine | undefined {
  if (!isatty(fd)) return undefined;
  if (!readable.inProduction && readEnvironment(env.NODE_ENV).mode === 'production') return undefined;
  const colours = !env.NO_COLOR;
  return unobserved(prettyFormat, colours) ?? shortFormat(colours);
}

function prettyFormat(colorize: boolean): FormatLine | undefined {
  try {
    const load = createRequire(path.resolve('package.json'));
    const { prettyFactory } = load('pino-pretty') as {
      prettyFactory(options: object): (line: string) => string | undefined;
    };
    const format = prettyFactory({
      colorize,
      ignore: 'pid,hostname',
      singleLine: true,
      translateTime: 'SYS:HH:MM:ss.l',
    });
    return (line) => format(withoutControls(line)) ?? line;
  } catch {
    return undefined;
  }
}

/** Formats a request or message as one short line in local time, with the stack of an error below it. */
export function shortFormat(colours: boolean): FormatLine {
  return (line) => {
    const fields = parse(line);
    if (fields === undefined) return line;
    const [name, colour] = levels[String(fields.level)] ?? [String(fields.level), 0];
    const level = colours ? `\u001b[${colour}m${name}\u001b[0m` : name;
    const text = [localTime(fields.time), level, textOf(fields), ...detailsOf(fields)];
    return `${text.filter(Boolean).join(' ')}${stackOf(fields)}\n`;
  };
}

/** Escapes control characters, because `pino-pretty` prints them unchanged. */
function withoutControls(line: string): string {
  try {
    return JSON.stringify(
      JSON.parse(line, (_key, value) => (typeof value === 'string' ? printable(value) : value)),
    );
  } catch {
    return line;
  }
}

function parse(line: string): Fields | undefined {
  try {
    const fields: unknown = JSON.parse(line);
    return typeof fields === 'object' && fields !== null ? (fields as Fields) : undefined;
  } catch {
    return undefined;
  }
}

function localTime(time: unknown): string {
  const date = new Date(Number(time));
  if (Number.isNaN(date.getTime())) return '';
  const local = new Date(date.getTime() - date.getTimezoneOffset() * 60_000);
  return local.toISOString().slice(timeStart, timeEnd);
}

const isRequest = ({ method, url, durationMs }: Fields): boolean =>
  typeof method === 'string' && typeof url === 'string' && typeof durationMs === 'number';

function textOf(fields: Fields): string {
  if (!isRequest(fields)) return printable(String(fields.msg ?? ''));
  const { method, url, outcome, status, durationMs } = fields;
  return printable(`${method} ${url} ${outcome === 'completed' ? status : outcome} ${durationMs} ms`);
}

function detailsOf(fields: Fields): string[] {
  const shown = Object.entries(fields).filter(
    ([key]) => !omitted.has(key) && !(isRequest(fields) && ofRequest.has(key)),
  );
  return shown.map(([key, value]) =>
    printable(`${key}=${typeof value === 'string' ? value : JSON.stringify(value)}`),
  );
}

function stackOf({ err, error }: Fields): string {
  const thrown = (err ?? error) as { stack?: unknown; message?: unknown } | undefined;
  const stack = thrown?.stack ?? thrown?.message;
  return typeof stack === 'string' ? `\n    ${printable(stack).replaceAll('\n', '\n    ')}` : '';
}

/**
 * Escapes control characters, except newlines and tabs. A client chooses parts of a line, and control characters can
 * change the state of the terminal.
 */
function printable(text: string): string {
  return text.replace(/\p{Cc}/gu, (character) =>
    character === '\n' || character === '\t'
      ? character
      : `\\x${character.charCodeAt(0).toString(16).padStart(2, '0')}`,
  );
}
