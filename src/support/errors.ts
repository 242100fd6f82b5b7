import { inspect } from 'node:util';
import { processWide } from './process-wide.js';
import { warningsKey } from './symbols.js';

const readme = 'https://www.npmjs.com/package/express-productionize';

/** Stable codes of everything this library throws or warns about; each has an entry in the README. */
export type ErrorCode =
  | 'ERR_PRODUCTIONIZE_APP'
  | 'ERR_PRODUCTIONIZE_OPTION'
  | 'ERR_PRODUCTIONIZE_HANDLER'
  | 'ERR_PRODUCTIONIZE_STREAM'
  | 'ERR_PRODUCTIONIZE_REJECTION'
  | 'ERR_PRODUCTIONIZE_SYNC_IO'
  | 'ERR_PRODUCTIONIZE_NODE_ENV'
  | 'ERR_PRODUCTIONIZE_NODE_ENV_LATE'
  | 'ERR_PRODUCTIONIZE_TRUST_PROXY'
  | 'ERR_PRODUCTIONIZE_FORWARDED'
  | 'ERR_PRODUCTIONIZE_DEBUG_ALL'
  | 'ERR_PRODUCTIONIZE_ERROR_HANDLER_ARITY'
  | 'ERR_PRODUCTIONIZE_NO_ANSWER'
  | 'ERR_PRODUCTIONIZE_LOG_STOPPED'
  | 'ERR_PRODUCTIONIZE_SERVER'
  | 'ERR_PRODUCTIONIZE_GRACE'
  | 'ERR_PRODUCTIONIZE_NPM_START'
  | 'ERR_PRODUCTIONIZE_HEALTH_PATH'
  | 'ERR_PRODUCTIONIZE_NOTIFY'
  | 'ERR_PRODUCTIONIZE_LISTEN_FDS'
  | 'ERR_PRODUCTIONIZE_CLUSTER'
  | 'ERR_PRODUCTIONIZE_CLUSTER_CONTROL'
  | 'ERR_PRODUCTIONIZE_CLUSTER_STICKY'
  | 'ERR_PRODUCTIONIZE_CLUSTER_SESSIONS'
  | 'ERR_PRODUCTIONIZE_CLUSTER_RATE_LIMIT'
  | 'ERR_PRODUCTIONIZE_CLUSTER_POLLING'
  | 'ERR_PRODUCTIONIZE_REDIS'
  | 'ERR_PRODUCTIONIZE_PRELOAD'
  | 'ERR_PRODUCTIONIZE_CACHE_STORE'
  | 'ERR_PRODUCTIONIZE_STATIC_ROOT'
  | 'ERR_PRODUCTIONIZE_STATIC_ORDER'
  | 'ERR_PRODUCTIONIZE_PRECOMPRESS';

/** The README anchor of a code. */
export function helpFor(code: ErrorCode): string {
  return `${readme}#${code.toLowerCase()}`;
}

/** A programmer's mistake, thrown at set-up and never during a request. */
export class ProductionizeError extends TypeError {
  override readonly name = 'ProductionizeError';
  readonly code: ErrorCode;

  constructor(code: ErrorCode, message: string) {
    super(`${message} (${code}, see ${helpFor(code)})`);
    this.code = code;
  }
}

/** Quotes any value on one short line, whatever it is: a revoked proxy, a symbol, a megabyte of text. */
export function quote(value: unknown): string {
  let text: string;
  try {
    text = inspect(value, { depth: 1, maxArrayLength: 5, maxStringLength: 80, breakLength: Infinity });
  } catch {
    text = 'a value that cannot be inspected';
  }
  return text.length > 160 ? `${text.slice(0, 160)}…` : text;
}

const warned = processWide(warningsKey, () => new Set<string>());

/**
 * Warns about a risky environment, once per process and subject. It goes through `process.emitWarning`, so
 * `--no-warnings`, `--trace-warnings` and a `warning` listener work as for Node's own.
 */
export function warnOnce(code: ErrorCode, message: string, subject = ''): void {
  const key = `${code} ${subject}`;
  if (warned.has(key)) return;
  warned.add(key);
  process.emitWarning(`${message} See ${helpFor(code)}`, { type: 'ProductionizeWarning', code });
}
