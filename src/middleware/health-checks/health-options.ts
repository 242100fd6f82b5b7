import type { IncomingMessage } from 'node:http';
import {
  type Check,
  checkOptions,
  isBoolean,
  isEither,
  isFunction,
  isInteger,
  isMilliseconds,
  isOneOf,
} from '../../support/options.js';
import type { CheckResult, HealthCheck } from './check-runner.js';
import type { LivenessThreadOptions } from './liveness-thread.js';

/** Options of `healthChecks`. */
export interface HealthChecksOptions {
  /** Path of the liveness probe; `false` for none. It responds with 200 until the process exits. @default '/livez' */
  readonly livePath?: string | false;
  /** Path of the readiness probe: 200 while this process accepts requests; `false` for none. @default '/readyz' */
  readonly readyPath?: string | false;
  /** Path of the startup probe: 200 once the app has been ready; `false` for none. @default '/startupz' */
  readonly startupPath?: string | false;
  /**
   * The checks that readiness depends on, by name: functions that throw, reject or return `false` on failure. Liveness
   * never depends on them, because a restart does not repair a database.
   * @default {}
   */
  readonly checks?: Readonly<Record<string, HealthCheck | HealthCheckOptions>>;
  /** Milliseconds that a check may take. Kubernetes limits a whole probe to one second by default. @default 800 */
  readonly timeoutMs?: number;
  /** Milliseconds that a result is cached, from the start of its check. @default 1000 */
  readonly cacheMs?: number;
  /**
   * Which clients receive more than the status. `'private'` selects clients on the machine and its private network that
   * use no proxy. `true` selects all clients, `false` none, and a function those for which it returns `true`.
   * @default 'private'
   */
  readonly details?: 'private' | boolean | ((req: IncomingMessage) => boolean);
  /** A port on which every client receives the details, such as one bound to loopback; 0 for none. @default 0 */
  readonly adminPort?: number;
  /** Milliseconds of load shedding after which readiness responds with 503. @default 10000 */
  readonly sheddingMs?: number;
  /** Milliseconds of event loop delay from which the status is `degraded`; the response is still 200. @default 200 */
  readonly degradedMs?: number;
  /**
   * A thread that responds to the liveness probe on its own port, even while the event loop is blocked.
   * @default false
   */
  readonly livenessThread?: false | LivenessThreadOptions;
  /** Called when the result of a check changes readiness. @default none; inside `productionize` a line in the log */
  readonly onChange?: (ready: boolean, failing: readonly CheckResult[]) => void;
}

/** A check with its own time limit. */
export interface HealthCheckOptions {
  readonly check: HealthCheck;
  /** Milliseconds that this check may take. @default `timeoutMs` of `healthChecks` */
  readonly timeoutMs?: number;
}

const isPath: Check = (value) =>
  typeof value === 'string' && /^\/[^?#]+$/.test(value) ? undefined : "a path such as '/livez'";
const isPathOrOff = isEither(isPath, isOneOf(false));
const isPort = isInteger('ports', 0, 65_535);

const isCheckList: Check = (value) => {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return 'an object of functions';
  for (const [name, entry] of Object.entries(value)) {
    if (typeof entry === 'function') continue;
    checkOptions(`healthChecks.checks.${name}`, entry as HealthCheckOptions, {
      check: isFunction,
      timeoutMs: isMilliseconds(),
    });
    if (typeof (entry as HealthCheckOptions).check !== 'function')
      return `an object of functions; \`${name}\` is none`;
  }
  return undefined;
};

const isThread: Check = (value) => {
  checkOptions('healthChecks.livenessThread', value as LivenessThreadOptions, {
    port: isPort,
    host: (host) => (typeof host === 'string' ? undefined : 'a string'),
    stallMs: isMilliseconds(),
  });
  return (value as LivenessThreadOptions).port === undefined ? 'options with a `port`' : undefined;
};

export const optionChecks = {
  livePath: isPathOrOff,
  readyPath: isPathOrOff,
  startupPath: isPathOrOff,
  checks: isCheckList,
  timeoutMs: isMilliseconds(),
  cacheMs: isMilliseconds(),
  details: isEither(isOneOf('private'), isBoolean, isFunction),
  adminPort: isPort,
  sheddingMs: isMilliseconds(),
  degradedMs: isMilliseconds(),
  livenessThread: isEither(isOneOf(false), isThread),
  onChange: isFunction,
};

export function resolveHealth(options?: HealthChecksOptions): Required<HealthChecksOptions> {
  return {
    livePath: '/livez',
    readyPath: '/readyz',
    startupPath: '/startupz',
    checks: {},
    timeoutMs: 800,
    cacheMs: 1000,
    details: 'private',
    adminPort: 0,
    sheddingMs: 10_000,
    degradedMs: 200,
    livenessThread: false,
    onChange() {},
    ...checkOptions('healthChecks', options, optionChecks),
  };
}
