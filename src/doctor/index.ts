import path from 'node:path';
import {
  checkOptions,
  isBoolean,
  isMilliseconds,
  isObject,
  isString,
  isStringList,
} from '../support/options.js';
import { type AuditReport, reportOf } from './audit-report.js';
import { examine } from './examine.js';

export type { Evidence, Finding, Practice, Severity, SilencedFinding } from './audit-finding.js';
export type { AuditReport } from './audit-report.js';

/** Options of {@link audit}. */
export interface AuditOptions {
  /** Arguments of the script. @default [] */
  readonly args?: readonly string[];
  /** Variables in addition to the environment of this process. @default {} */
  readonly env?: Readonly<Record<string, string>>;
  /** A file with further variables, as for `node --env-file`. @default none */
  readonly envFile?: string;
  /**
   * Values of parameters of routes, such as `{ id: '42' }` for `/users/:id`.
   * @default those of links in responses; a route without a value is not requested
   */
  readonly params?: Readonly<Record<string, string>>;
  /** Paths to request by GET, in addition to the routes without parameters. @default [] */
  readonly paths?: readonly string[];
  /** Whether the app is audited as it is with `productionize(app)`. @default false */
  readonly preview?: boolean;
  /** Whether the app receives SIGTERM and, in a second start, an exception. @default true */
  readonly signals?: boolean;
  /** Milliseconds for the app to listen. @default 30000 */
  readonly timeoutMs?: number;
  /** Whether POST, PUT, PATCH and DELETE routes are requested, with the body `{}`, and GET routes such as `/logout`. @default false */
  readonly unsafe?: boolean;
}

/**
 * Runs an Express app and reports how far it is from the guide to production best practices. The app listens on free
 * ports of 127.0.0.1, receives GET requests for its routes, SIGTERM, and in a second start an exception. Its code runs with the environment of this process: use a development database.
 *
 * @throws Error when the app ends, does not listen in time or blocks its event loop.
 * @see https://expressjs.com/en/advanced/best-practice-performance.html
 * @example
 * const { score, findings } = await audit('server.js')
 */
export async function audit(script: string, options?: AuditOptions): Promise<AuditReport> {
  const {
    args = [],
    env = {},
    envFile,
    params = {},
    paths = [],
    preview = false,
    signals = true,
    timeoutMs = 30_000,
    unsafe = false,
  } = checkOptions<AuditOptions>('audit', options, {
    args: isStringList,
    env: isObject('an object of strings'),
    envFile: isString,
    params: isObject('an object of strings'),
    paths: isStringList,
    preview: isBoolean,
    signals: isBoolean,
    timeoutMs: isMilliseconds(1),
    unsafe: isBoolean,
  });
  const { seen, notes } = await examine({
    script: path.resolve(script),
    nodeArgs: envFile === undefined ? [] : [`--env-file=${path.resolve(envFile)}`],
    ...{ args, env, config: undefined, paths, params, unsafe, preview, signals, timeoutMs },
  });
  return reportOf(seen, notes);
}
