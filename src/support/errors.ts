import { inspect } from 'node:util';
import { processWide } from './process-wide.js';
import { warningsKey } from './symbols.js';

/**
 * The errors and warnings of this library: a stable code, what it does, and one sentence that explains it.
 * `docs/errors.md` has an entry for each, with its cause and its solution.
 */
export const errors = {
  ERR_PRODUCTIONIZE_APP: { does: 'throws', means: 'The argument is not an Express app.' },
  ERR_PRODUCTIONIZE_OPTION: { does: 'throws', means: 'An option is unknown or of the wrong kind.' },
  ERR_PRODUCTIONIZE_MIDDLEWARE: {
    does: 'throws',
    means: 'A function that creates middleware was used as middleware.',
  },
  ERR_PRODUCTIONIZE_TWICE: {
    does: 'warns',
    means: 'A second call of productionize passed other options, which have no effect.',
  },
  ERR_PRODUCTIONIZE_FOUND: {
    does: 'warns',
    means: 'The app already has this part, so the options for it have no effect.',
  },
  ERR_PRODUCTIONIZE_HANDLER: { does: 'throws', means: 'The argument of wrapAsync is not a function.' },
  ERR_PRODUCTIONIZE_STREAM: { does: 'throws', means: 'The argument of bindStreamErrors is not a stream.' },
  ERR_PRODUCTIONIZE_REJECTION: {
    does: 'marks an error',
    means: 'A handler threw or rejected with a value that Express does not treat as an error.',
  },
  ERR_PRODUCTIONIZE_SYNC_IO: {
    does: 'throws or warns',
    means: 'A synchronous function was called during a request.',
  },
  ERR_PRODUCTIONIZE_NODE_ENV: {
    does: 'throws or warns',
    means: 'NODE_ENV is not a value that Express and other packages recognize.',
  },
  ERR_PRODUCTIONIZE_NODE_ENV_LATE: {
    does: 'throws or warns',
    means: 'NODE_ENV was set after express() had read it.',
  },
  ERR_PRODUCTIONIZE_TRUST_PROXY: {
    does: 'warns',
    means: 'The setting `trust proxy` does not match the X-Forwarded-For of the requests.',
  },
  ERR_PRODUCTIONIZE_FORWARDED: {
    does: 'warns',
    means: 'A proxy sends Forwarded, which Express does not read.',
  },
  ERR_PRODUCTIONIZE_INSPECTOR: {
    does: 'warns',
    means: 'An inspector is open in production.',
  },
  ERR_PRODUCTIONIZE_DEBUG_ALL: { does: 'warns', means: 'DEBUG=* is set in production.' },
  ERR_PRODUCTIONIZE_ERROR_HANDLER_ARITY: {
    does: 'warns',
    means: 'An error handler does not declare four parameters, so Express never calls it.',
  },
  ERR_PRODUCTIONIZE_NO_RESPONSE: {
    does: 'warns',
    means: 'A handler ended without a response and without calling next.',
  },
  ERR_PRODUCTIONIZE_LOG_STOPPED: {
    does: 'warns',
    means: 'The log can no longer be written, and the app continues without it.',
  },
  ERR_PRODUCTIONIZE_LOG_LINE: { does: 'warns', means: 'Log lines could not be written.' },
  ERR_PRODUCTIONIZE_LEVEL_SIGNAL: {
    does: 'warns',
    means: 'nodemon restarts the app with the signal that is to change the log level.',
  },
  ERR_PRODUCTIONIZE_SERVER: { does: 'throws', means: 'The argument of gracefulShutdown is not a server.' },
  ERR_PRODUCTIONIZE_GRACE: {
    does: 'warns',
    means: 'The shutdown may take longer than the orchestrator waits before SIGKILL.',
  },
  ERR_PRODUCTIONIZE_NPM_START: { does: 'warns', means: 'npm runs between the orchestrator and node.' },
  ERR_PRODUCTIONIZE_HEALTH_PATH: { does: 'warns', means: 'The app has its own route for a health path.' },
  ERR_PRODUCTIONIZE_METRICS: { does: 'warns', means: 'Metrics cannot be collected or served.' },
  ERR_PRODUCTIONIZE_NOTIFY: {
    does: 'warns',
    means: 'The service manager waits for messages that cannot be sent.',
  },
  ERR_PRODUCTIONIZE_LISTEN_FDS: {
    does: 'throws',
    means: 'LISTEN_FDS does not describe sockets of this process.',
  },
  ERR_PRODUCTIONIZE_CLUSTER: { does: 'throws', means: 'The argument of runCluster is not a function.' },
  ERR_PRODUCTIONIZE_CLUSTER_CONTROL: {
    does: 'throws or warns',
    means: 'There is no safe directory for the control socket of the cluster.',
  },
  ERR_PRODUCTIONIZE_CLUSTER_STICKY: {
    does: 'throws',
    means: 'A package or a server that `sticky` requires is missing.',
  },
  ERR_PRODUCTIONIZE_CLUSTER_SESSIONS: { does: 'warns', means: 'Sessions are in the memory of one worker.' },
  ERR_PRODUCTIONIZE_CLUSTER_RATE_LIMIT: {
    does: 'warns',
    means: 'Each worker counts its requests separately.',
  },
  ERR_PRODUCTIONIZE_CLUSTER_POLLING: {
    does: 'warns',
    means: 'socket.io uses polling, and only one worker has the session.',
  },
  ERR_PRODUCTIONIZE_CLUSTER_MEMORY: {
    does: 'warns',
    means: 'The memory is too small for the number of workers.',
  },
  ERR_PRODUCTIONIZE_REDIS: {
    does: 'warns',
    means: 'The connection of redisStore to Redis was lost or restored, or Redis refuses writes.',
  },
  ERR_PRODUCTIONIZE_PRELOAD: { does: 'warns', means: 'The preload could not productionize the app.' },
  ERR_PRODUCTIONIZE_CACHE_STORE: {
    does: 'warns',
    means: 'The store of the response cache failed or was too slow.',
  },
  ERR_PRODUCTIONIZE_STATIC_ROOT: {
    does: 'warns',
    means: 'The directory that staticFiles is to serve does not exist.',
  },
  ERR_PRODUCTIONIZE_FACTS: {
    does: 'throws',
    means: 'The facts for a deployment cannot be read from the app, or are not valid.',
  },
  ERR_PRODUCTIONIZE_DEPLOY_FILE: {
    does: 'throws',
    means: 'A file to check is of no known kind, or cannot be read as one.',
  },
  ERR_PRODUCTIONIZE_PRECOMPRESS: { does: 'throws', means: 'The argument of precompress is not a directory.' },
} as const satisfies Readonly<Record<`ERR_PRODUCTIONIZE_${string}`, ErrorEntry>>;

interface ErrorEntry {
  /** How the code is used: thrown at set-up, emitted as a process warning, or set on an error of a handler. */
  readonly does: 'throws' | 'warns' | 'throws or warns' | 'marks an error';
  readonly means: string;
}

export type ErrorCode = keyof typeof errors;

/** The file in the package that describes the codes. Every help address begins with it. */
export const helpFile = 'docs/errors.md';

/** Returns the help address of a code. */
export function helpFor(code: ErrorCode): string {
  return `${helpFile}#${code.toLowerCase()} in the package`;
}

/** A mistake of the programmer. It is thrown at set-up and never during a request. */
export class ProductionizeError extends TypeError {
  override readonly name = 'ProductionizeError';
  readonly code: ErrorCode;

  constructor(code: ErrorCode, message: string) {
    super(`${message} (${code}, see ${helpFor(code)})`);
    this.code = code;
  }
}

/**
 * Describes any value on one short line. Primitives and lists of them are printed; other values are described by their
 * kind, so that a message never contains the contents of an object.
 */
export function quote(value: unknown): string {
  let text: string;
  try {
    text = describe(value);
  } catch {
    text = 'a value that cannot be inspected';
  }
  return text.length > 160 ? `${text.slice(0, 160)}…` : text;
}

function describe(value: unknown): string {
  if (value instanceof Error) return `${value.name}: ${value.message}`;
  if (typeof value === 'function') return describeFunction(value);
  if (typeof value !== 'object' || value === null || isPlainList(value) || value instanceof RegExp) {
    return inspect(value, { maxArrayLength: 5, maxStringLength: 80, breakLength: Infinity });
  }
  if (Array.isArray(value)) return `an array of ${value.length}`;
  if (isRequest(value)) return 'a request';
  const { name = '' } = (value.constructor ?? {}) as { name?: string };
  if (name !== '' && name !== 'Object') return `${/^[AEIOU]/.test(name) ? 'an' : 'a'} ${name}`;
  const keys = Object.keys(value);
  if (keys.length === 0) return 'an empty object';
  return `an object with the ${keys.length > 1 ? 'keys' : 'key'} ${keys.slice(0, 5).join(', ')}${keys.length > 5 ? ' …' : ''}`;
}

function describeFunction(value: { readonly name: string }): string {
  const { handle, set, stack } = value as { handle?: unknown; set?: unknown; stack?: unknown };
  if (typeof handle === 'function' && typeof set === 'function') return 'an Express app';
  if (Array.isArray(stack)) return 'a Router';
  return value.name === '' ? 'a function' : `a function ${value.name}`;
}

function isPlainList(value: object): boolean {
  return (
    Array.isArray(value) && value.every((item) => typeof item !== 'object' && typeof item !== 'function')
  );
}

/** Whether a value is a request. A factory receives one if it is passed to Express without its parentheses. */
export function isRequest(value: unknown): boolean {
  const { method, url, headers } = Object(value) as Record<string, unknown>;
  return typeof method === 'string' && typeof url === 'string' && typeof headers === 'object';
}

const warned = processWide(warningsKey, () => new Set<string>());

/**
 * Warns about a risky environment, once per process and subject. It uses `process.emitWarning`, so `--no-warnings`,
 * `--trace-warnings` and `warning` listeners apply.
 */
export function warnOnce(code: ErrorCode, message: string, subject = ''): void {
  const key = `${code} ${subject}`;
  if (warned.has(key)) return;
  warned.add(key);
  process.emitWarning(`${message} See ${helpFor(code)}.`, { type: 'ProductionizeWarning', code });
}
