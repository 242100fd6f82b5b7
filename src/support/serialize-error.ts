/**
 * The logged properties of an error. Other properties are never logged, because several libraries set request headers
 * on errors.
 */
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

// the results of `serializeError`, which a logger's serializer may receive again
const logged = new WeakSet<object>();

/**
 * Describes any thrown value for a log line: type, message, stack, code, status, causes and aggregated errors. Causes
 * and errors are limited in depth and number. It never throws, even if a getter or proxy does, and quotes no request
 * body.
 *
 * @example
 * const logger = pino({ serializers: { err: serializeError } })
 */
export function serializeError(value: unknown): LoggedError {
  if (typeof value === 'object' && value !== null && logged.has(value)) return value as LoggedError;
  return describe(value, { seen: new Set(), left: maxErrors }, 0);
}

interface Walk {
  /** The errors that contain the current one, to find cycles. */
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
      // validation libraries list plain objects here, which quote the input
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

/** Whether a value has a message and a stack, as errors of any realm have. */
function isErrorLike(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false;
  return typeof read(value, 'message') === 'string' && typeof read(value, 'stack') === 'string';
}

/**
 * Whether the message of an error quotes the body. The messages of body-parser and of `JSON.parse` in V8 contain the
 * beginning of the body.
 */
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

/** Returns the status of an error if it is an HTTP error status, else `undefined`. */
export function statusOf(value: unknown): number | undefined {
  for (const name of ['status', 'statusCode']) {
    const status = read(value, name);
    if (typeof status === 'number' && Number.isInteger(status) && status >= 400 && status <= 599)
      return status;
  }
  return undefined;
}

/** Returns the type of an error: its own name, else the name of its class. */
export function typeOf(value: object): string {
  const name = read(value, 'name');
  if (typeof name === 'string' && name !== '' && name !== 'Error') return text(name, 100);
  const made = read(value, 'constructor');
  const className = typeof made === 'function' ? read(made, 'name') : undefined;
  // plain data with a type is the result of an earlier description
  const type = className === 'Object' ? read(value, 'type') : className;
  return typeof type === 'string' && type !== '' ? text(type, 100) : 'Error';
}

/** Reads a property of any value. Returns `undefined` if a getter throws or a proxy is revoked. */
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
    // an object without a prototype, such as `req.query` in Express 5, has no `toString`
    string = '(no text)';
  }
  return string.length > limit ? `${string.slice(0, limit)}…` : string;
}
