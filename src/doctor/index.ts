import path from 'node:path';
import type { Application } from 'express';
import { isExpressApp } from '../preload/express-app.js';
import {
  checkOptions,
  isBoolean,
  isMilliseconds,
  isObject,
  isString,
  isStringList,
} from '../support/options.js';
import { type AuditReport, reportOf } from './audit-report.js';
import { type Examined, examine } from './examine.js';
import { examineLive } from './examine-live.js';
import { examineUrl } from './examine-url.js';
import { filterChecks, filterReport } from './filters.js';
import { envFileArgs } from './script-runner.js';

export type { Evidence, Finding, Practice, Severity, SilencedFinding } from './audit-finding.js';
export type { AuditReport } from './audit-report.js';
export type { LoopLoad, Measured, RouteLatency } from './measured.js';
export type { RouteFacts } from './route-facts.js';
export type { TimeoutStep } from './timeout-chain.js';

/** Options of {@link audit} for an app in this process. */
export interface LiveAuditOptions {
  /**
   * Values of parameters of routes, such as `{ id: '42' }` for `/users/:id`.
   * @default those of links in responses; a route without a value is not requested
   */
  readonly params?: Readonly<Record<string, string>>;
  /** Paths to request by GET, in addition to the routes without parameters. @default [] */
  readonly paths?: readonly string[];
  /**
   * Whether routes are requested that change something: those for POST, PUT, PATCH and DELETE, with the body `{}`, and
   * GET routes such as `/logout`.
   * @default false
   */
  readonly unsafe?: boolean;
  /** The ids of the checks that count, such as `['powered-by']`. @default all */
  readonly only?: readonly string[];
  /**
   * Faults that are accepted: the id of each check with the reason. They cost no points, and are in `silenced`.
   * @default {}
   */
  readonly silence?: Readonly<Record<string, string>>;
}

/** Options of {@link audit} for a script. */
export interface AuditOptions extends LiveAuditOptions {
  /** Arguments of the script. @default [] */
  readonly args?: readonly string[];
  /** Variables in addition to the environment of this process. @default {} */
  readonly env?: Readonly<Record<string, string>>;
  /** A file with further variables, as for `node --env-file`. @default none */
  readonly envFile?: string;
  /** Whether the app is audited as it is with `productionize(app)`. @default false */
  readonly preview?: boolean;
  /** Whether the app receives SIGTERM and, in a second start, an exception. @default true */
  readonly signals?: boolean;
  /** Milliseconds for the app to listen. @default 30000 */
  readonly timeoutMs?: number;
}

type UrlAuditOptions = Pick<LiveAuditOptions, 'paths' | 'only' | 'silence'>;

const urlChecks = { paths: isStringList, ...filterChecks };
const liveChecks = { ...urlChecks, params: isObject('an object of strings'), unsafe: isBoolean };
const scriptChecks = {
  ...liveChecks,
  args: isStringList,
  env: isObject('an object of strings'),
  envFile: isString,
  preview: isBoolean,
  signals: isBoolean,
  timeoutMs: isMilliseconds(1),
};

/**
 * Reports how far an Express app is from the guide to production best practices.
 *
 * A script is run. Its app listens on free ports of 127.0.0.1 and receives GET requests for its routes, SIGTERM, and in a
 * second start an exception. Its code runs with the environment of this process: use a development database.
 *
 * An app in this process receives the requests on a server of its own, and is left as it was. What only a start, a
 * signal, its own server or its own process shows is in `notExamined`, as are its sessions and limits of bodies.
 *
 * A URL is of a running app, which receives GET requests. Only what its responses show is examined.
 *
 * @throws Error when the app ends, does not listen in time, blocks its event loop or cannot be reached.
 * @see https://expressjs.com/en/advanced/best-practice-performance.html
 * @example
 * const { score, findings } = await audit('server.js')
 */
export function audit(script: string, options?: AuditOptions): Promise<AuditReport>;
export function audit(app: Application, options?: LiveAuditOptions): Promise<AuditReport>;
export function audit(
  url: URL,
  options?: Pick<LiveAuditOptions, 'paths' | 'only' | 'silence'>,
): Promise<AuditReport>;
export async function audit(
  audited: string | Application | URL,
  options?: AuditOptions,
): Promise<AuditReport> {
  const { seen, ...rest } = await examined(audited, options);
  const { only = [], silence: silenced = {} } = options ?? {};
  return filterReport(reportOf(seen, rest), { only, silenced });
}

async function examined(audited: string | Application | URL, options?: AuditOptions): Promise<Examined> {
  if (audited instanceof URL) {
    const { paths = [] } = checkOptions<UrlAuditOptions>('audit', options, urlChecks);
    return examineUrl(audited, paths);
  }
  if (isExpressApp(audited)) {
    const {
      params = {},
      paths = [],
      unsafe = false,
    } = checkOptions<LiveAuditOptions>('audit', options, liveChecks);
    return examineLive(audited, { params, paths, unsafe });
  }
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
  } = checkOptions<AuditOptions>('audit', options, scriptChecks);
  return examine({
    script: path.resolve(audited),
    nodeArgs: envFileArgs(envFile),
    ...{ args, env, config: undefined, paths, params, unsafe, preview, signals, timeoutMs },
  });
}
