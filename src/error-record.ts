import { errorStatus, plainText, quotesBody, read } from './error-answer.js';

/** Any thrown value as plain data of bounded size, safe to log: no getters, no cycles, no request body. */
export interface ErrorRecord {
  readonly type: string;
  readonly message: string;
  readonly stack?: string;
  readonly code?: string;
  readonly status?: number;
  readonly cause?: ErrorRecord;
  /** The errors inside an AggregateError, the first few. */
  readonly errors?: ErrorRecord[];
}

const maxMessage = 2048;
const maxFrames = 8192;
const maxDepth = 4;
const maxErrors = 5;
const maxRecords = 25;

export function errorRecord(error: unknown): ErrorRecord {
  return record(error, [], { left: maxRecords });
}

/** The same as text: the stacks of an error and of what is inside it. */
export function errorText(error: unknown): string {
  return textOf(errorRecord(error), '');
}

function record(error: unknown, path: unknown[], budget: { left: number }): ErrorRecord {
  budget.left -= 1;
  if (typeof error === 'function') return { type: 'function', message: 'a function was thrown' };
  if (typeof error !== 'object' || error === null) {
    return { type: error === null ? 'null' : typeof error, message: plainText(String(error), maxMessage) };
  }
  const type = textIn(error, 'name') ?? 'object';
  const message = quotesBody(error)
    ? 'the request body could not be parsed'
    : (textIn(error, 'message') ?? '');
  const frames = framesOf(error);
  const followed = [...path, error];
  const inside = (value: unknown): ErrorRecord[] =>
    followed.length > maxDepth || budget.left <= 0 || value === undefined || followed.includes(value)
      ? []
      : [record(value, followed, budget)];
  const [cause] = inside(read(error, 'cause'));
  const errors = listIn(error, 'errors').flatMap(inside);
  return {
    type,
    message,
    stack: frames && `${type}: ${message}${frames}`,
    code: textIn(error, 'code'),
    status: errorStatus(error),
    cause,
    ...(errors.length > 0 && { errors }),
  };
}

function textIn(error: object, name: string): string | undefined {
  const text = read(error, name);
  return typeof text === 'string' ? plainText(text, maxMessage) : undefined;
}

function listIn(error: object, name: string): unknown[] {
  const list = read(error, name);
  try {
    return Array.isArray(list) ? list.slice(0, maxErrors) : [];
  } catch {
    return [];
  }
}

/** The frames of a stack, from behind the message: that may hold lines which look like frames. */
function framesOf(error: object): string | undefined {
  const stack = read(error, 'stack');
  const message = read(error, 'message');
  if (typeof stack !== 'string') return undefined;
  const at = typeof message === 'string' && message !== '' ? stack.indexOf(message) : -1;
  if (at >= 0) return plainText(stack.slice(at + String(message).length), maxFrames);
  const first = quotesBody(error) ? -1 : stack.search(/\n {4}at /);
  return first < 0 ? undefined : plainText(stack.slice(first), maxFrames);
}

function textOf({ type, message, stack, cause, errors = [] }: ErrorRecord, lead: string): string {
  const own = `${lead}${stack ?? `${type}: ${message}`}`;
  const causes = cause === undefined ? [] : [textOf(cause, 'Caused by: ')];
  return [own, ...causes, ...errors.map((one) => textOf(one, 'One of: '))].join('\n');
}
