/** What is logged of an error: never its other properties, which carry request headers in more than one library. */
export interface LoggedError {
  readonly type: string;
  readonly message: string;
  readonly stack?: string;
  readonly code?: string | number;
  readonly status?: number;
  readonly cause?: LoggedError;
  readonly errors?: LoggedError[];
}

const maxDepth = 5;
const maxErrors = 20;
const maxMessage = 2000;
const maxStack = 8000;

// results, so that a logger's serializer may see one again
const logged = new WeakSet<object>();

/**
 * Describes anything that was thrown for a log line: type, message, stack, code, status, and the causes and
 * aggregated errors to a fixed depth and number. It never throws, whatever the getters or proxies do, and quotes
 * no request body.
 *
 * @example
 * const logger = pino({ serializers: { err: serializeError } })
 */
export function serializeError(value: unknown): LoggedError {
  if (typeof value === 'object' && value !== null && logged.has(value)) return value as LoggedError;
  return describe(value, { seen: new Set(), left: maxErrors }, 0);
}

interface Walk {
  /** The errors above, to find cycles. */
  readonly seen: Set<object>;
  left: number;
}

function describe(value: unknown, walk: Walk, depth: number): LoggedError {
  walk.left -= 1;
  const result =
    (typeof value === 'object' && value !== null) || typeof value === 'function'
      ? describeObject(value, walk, depth)
      : { type: value === null ? 'null' : typeof value, message: text(value, maxMessage) };
  logged.add(result);
  return result;
}

function describeObject(value: object, walk: Walk, depth: number): LoggedError {
  const type = typeOf(value);
  const message = read(value, 'message');
  const stack = read(value, 'stack');
  const code = read(value, 'code');
  const status = statusOf(value);
  const common = {
    type,
    code: typeof code === 'string' ? text(code, 100) : typeof code === 'number' ? code : undefined,
    status,
  };
  if (quotesBody(value, message)) {
    const kind = read(value, 'type');
    const what = typeof kind === 'string' ? ` (${text(kind, 100)})` : '';
    return { ...common, message: `the body was refused${what}`, stack: framesOnly(stack, message) };
  }
  walk.seen.add(value);
  const described = {
    ...common,
    message:
      typeof message === 'string' ? text(message, maxMessage) : 'an object without a message was thrown',
    stack: typeof stack === 'string' ? text(stack, maxStack) : undefined,
    cause: describeCause(value, walk, depth),
    errors: describeList(read(value, 'errors'), walk, depth),
  };
  walk.seen.delete(value);
  return described;
}

function describeCause(value: object, walk: Walk, depth: number): LoggedError | undefined {
  const cause = read(value, 'cause');
  return cause === undefined ? undefined : describeNested(cause, walk, depth);
}

function describeList(list: unknown, walk: Walk, depth: number): LoggedError[] | undefined {
  try {
    if (!Array.isArray(list)) return undefined;
    const described: LoggedError[] = [];
    for (let i = 0; i < list.length; i++) {
      const error: unknown = list[i];
      // validation libraries list plain objects here, and those quote the input
      if (!isErrorLike(error)) return undefined;
      const nested = describeNested(error, walk, depth);
      if (nested === undefined) break;
      described.push(nested);
    }
    return described;
  } catch {
    return undefined;
  }
}

function describeNested(value: unknown, walk: Walk, depth: number): LoggedError | undefined {
  if (depth === maxDepth || walk.left === 0 || walk.seen.has(value as object)) return undefined;
  return describe(value, walk, depth + 1);
}

/** Whether it has a message and a stack, wherever it was made. */
function isErrorLike(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false;
  return typeof read(value, 'message') === 'string' && typeof read(value, 'stack') === 'string';
}

/** body-parser keeps the body's beginning in the message of its errors, and so does V8 in those of JSON.parse. */
function quotesBody(value: object, message: unknown): boolean {
  const type = read(value, 'type');
  if (typeof type === 'string' && type.startsWith('entity.')) return true;
  return typeof message === 'string' && message.endsWith(' is not valid JSON');
}

function framesOnly(stack: unknown, message: unknown): string | undefined {
  if (typeof stack !== 'string' || typeof message !== 'string' || message === '') return undefined;
  const at = stack.indexOf(message);
  const frames = at === -1 ? '' : stack.slice(at + message.length).trimStart();
  return frames === '' ? undefined : text(frames, maxStack);
}

/** The HTTP status an error asks for, when it is one. */
export function statusOf(value: unknown): number | undefined {
  for (const name of ['status', 'statusCode']) {
    const status = read(value, name);
    if (typeof status === 'number' && Number.isInteger(status) && status >= 400 && status <= 599)
      return status;
  }
  return undefined;
}

/** The name of an error's kind: its own name, else that of its class. */
export function typeOf(value: object): string {
  const name = read(value, 'name');
  if (typeof name === 'string' && name !== '' && name !== 'Error') return text(name, 100);
  const made = read(value, 'constructor');
  const className = typeof made === 'function' ? read(made, 'name') : undefined;
  // plain data with a type is an error that was described before
  const type = className === 'Object' ? read(value, 'type') : className;
  return typeof type === 'string' && type !== '' ? text(type, 100) : 'Error';
}

/** Reads a property of any value; a throwing getter and a revoked proxy read as `undefined`. */
export function read(value: unknown, name: string): unknown {
  try {
    return (value as Record<string, unknown> | null | undefined)?.[name];
  } catch {
    return undefined;
  }
}

function text(value: unknown, limit: number): string {
  let string: string;
  try {
    string = String(value);
  } catch {
    // an object without a prototype, such as the query of Express 5
    string = '(no text)';
  }
  return string.length > limit ? `${string.slice(0, limit)}…` : string;
}
