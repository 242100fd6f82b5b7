import cluster from 'node:cluster';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { RequestHandler } from 'express';
import { type CheckResult, CheckRunner, type HealthCheck } from './health/check-runner.js';
import {
  type LivenessThread,
  type LivenessThreadOptions,
  startLivenessThread,
} from './health/liveness-thread.js';
import { LoopLag } from './health/loop-lag.js';
import { isFromPrivateNetwork } from './health/private-network.js';
import type { Lifecycle } from './lifecycle.js';
import { type Check, checkOptions, isBoolean, isEither, isFunction, isInteger, isOneOf } from './options.js';
import { lifecyclesOf } from './shutdown/server-lifecycle.js';

export type { CheckResult, HealthCheck, LivenessThreadOptions };

/** Options of {@link healthChecks}. */
export interface HealthChecksOptions {
  /**
   * Path that says whether the process lives; `false` for none. It is 200 until the process exits.
   * @default '/livez'
   */
  readonly livePath?: string | false;
  /**
   * Path that says whether this process wants requests; `false` for none.
   * @default '/readyz'
   */
  readonly readyPath?: string | false;
  /**
   * Path that says whether the app has been ready once; `false` for none.
   * @default '/startupz'
   */
  readonly startupPath?: string | false;
  /**
   * What readiness depends on, by name: functions that throw, reject or return `false` when it is not well. Liveness
   * never depends on them: a restart cures no database.
   * @default {}
   */
  readonly checks?: Readonly<Record<string, HealthCheck | HealthCheckOptions>>;
  /**
   * Milliseconds a check may take. Kubernetes gives a probe one second in all.
   * @default 800
   */
  readonly timeoutMs?: number;
  /**
   * Milliseconds a result is kept, from the start of its check.
   * @default 1000
   */
  readonly cacheMs?: number;
  /**
   * Who sees more than the status: `'private'`, clients of the machine and its private network that came through no
   * proxy; everybody; nobody; or whom a function admits.
   * @default 'private'
   */
  readonly details?: 'private' | boolean | ((req: IncomingMessage) => boolean);
  /**
   * A port of yours where everybody sees the details, such as one bound to loopback; 0 for none.
   * @default 0
   */
  readonly adminPort?: number;
  /**
   * Milliseconds load may be shed before readiness is 503.
   * @default 10000
   */
  readonly sheddingMs?: number;
  /**
   * Milliseconds the event loop may be late before the status says `degraded`; it is still 200.
   * @default 200
   */
  readonly degradedMs?: number;
  /**
   * A thread that answers the live path on a port of its own, also while the event loop stands still.
   * @default false
   */
  readonly livenessThread?: false | LivenessThreadOptions;
  /**
   * Hears when readiness changes because of a check.
   * @default none; inside `productionize` a line in the log
   */
  readonly onChange?: (ready: boolean, failing: readonly CheckResult[]) => void;
}

/** A check with a limit of its own. */
export interface HealthCheckOptions {
  readonly check: HealthCheck;
  /** Milliseconds it may take. @default the `timeoutMs` of all */
  readonly timeoutMs?: number;
}

/** Middleware with health routes. */
export interface HealthChecks extends RequestHandler {
  /** Whether every check is well now. */
  ready(): Promise<boolean>;
  /** The port of the liveness thread, where there is one. */
  readonly livenessPort: Promise<number> | undefined;
  /** Stops timers and threads. */
  close(): void;
}

type Kind = 'live' | 'ready' | 'startup';

const isPath: Check = (value) =>
  typeof value === 'string' && /^\/[^?#]+$/.test(value) ? undefined : "a path such as '/livez'";
const isPathOrOff = isEither(isPath, isOneOf(false));
const isMilliseconds = isInteger('milliseconds', 0, 2 ** 31 - 1);
const isPort = isInteger('ports', 0, 65_535);

const isCheckList: Check = (value) => {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return 'an object of functions';
  for (const [name, entry] of Object.entries(value)) {
    if (typeof entry === 'function') continue;
    checkOptions(`healthChecks.checks.${name}`, entry as HealthCheckOptions, {
      check: isFunction,
      timeoutMs: isMilliseconds,
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
    stallMs: isMilliseconds,
  });
  return (value as LivenessThreadOptions).port === undefined ? 'options with a `port`' : undefined;
};

/** The health of one app, with the paths it answers. */
export class Health {
  readonly paths: ReadonlyMap<string, Kind>;
  readonly #taken = new Set<string>();
  readonly #initials = new Set<number>();
  readonly #checks: readonly CheckRunner[];
  readonly #options: Required<
    Pick<HealthChecksOptions, 'details' | 'adminPort' | 'sheddingMs' | 'degradedMs'>
  >;
  readonly #onChange: NonNullable<HealthChecksOptions['onChange']>;
  readonly #thread: LivenessThread | undefined;
  #lag: LoopLag | undefined;
  #started = false;
  #wasReady: boolean | undefined;

  constructor(options?: HealthChecksOptions) {
    const {
      livePath = '/livez',
      readyPath = '/readyz',
      startupPath = '/startupz',
      checks = {},
      timeoutMs = 800,
      cacheMs = 1000,
      details = 'private',
      adminPort = 0,
      sheddingMs = 10_000,
      degradedMs = 200,
      livenessThread = false,
      onChange = () => {},
    } = checkOptions('healthChecks', options, {
      livePath: isPathOrOff,
      readyPath: isPathOrOff,
      startupPath: isPathOrOff,
      checks: isCheckList,
      timeoutMs: isMilliseconds,
      cacheMs: isMilliseconds,
      details: isEither(isOneOf('private'), isBoolean, isFunction),
      adminPort: isPort,
      sheddingMs: isMilliseconds,
      degradedMs: isMilliseconds,
      livenessThread: isEither(isOneOf(false), isThread),
      onChange: isFunction,
    });
    const paths = new Map<string, Kind>();
    if (livePath !== false) paths.set(livePath, 'live');
    if (readyPath !== false) paths.set(readyPath, 'ready');
    if (startupPath !== false) paths.set(startupPath, 'startup');
    for (const path of paths.keys()) this.#initials.add(path.charCodeAt(1));
    this.paths = paths;
    this.#checks = Object.entries(checks).map(([name, entry]) =>
      typeof entry === 'function'
        ? new CheckRunner(name, entry, timeoutMs, cacheMs)
        : new CheckRunner(name, entry.check, entry.timeoutMs ?? timeoutMs, cacheMs),
    );
    this.#options = { details, adminPort, sheddingMs, degradedMs };
    this.#onChange = onChange;
    this.#thread =
      livenessThread === false ? undefined : startLivenessThread(livePath || '/livez', livenessThread);
  }

  get livenessPort(): Promise<number> | undefined {
    return this.#thread?.port;
  }

  /** Leaves a path to the app. */
  leave(path: string): void {
    this.#taken.add(path);
  }

  /** Begins to measure the event loop. */
  start(): void {
    this.#lag ??= new LoopLag();
  }

  close(): void {
    this.#lag?.stop();
    this.#lag = undefined;
    this.#thread?.stop();
  }

  async ready(): Promise<boolean> {
    return (await this.#ask()).length === 0;
  }

  /** The checks that fail. */
  async #ask(): Promise<CheckResult[]> {
    return (await Promise.all(this.#checks.map((check) => check.ask()))).filter(({ ok }) => !ok);
  }

  /** What a request asks for, where it is a probe. */
  probed({ url = '', method }: IncomingMessage): Kind | undefined {
    // most requests end here
    if (!this.#initials.has(url.charCodeAt(1))) return undefined;
    const query = url.indexOf('?');
    const path = query === -1 ? url : url.slice(0, query);
    if ((method !== 'GET' && method !== 'HEAD') || this.#taken.has(path)) return undefined;
    return this.paths.get(path);
  }

  answer(kind: Kind, req: IncomingMessage, res: ServerResponse, lives: Iterable<Lifecycle>): void {
    const verdict = this.#verdict(kind, [...lives]);
    if (!(verdict instanceof Promise)) this.#send(req, res, verdict);
    else void verdict.then((later) => this.#send(req, res, later));
  }

  #verdict(kind: Kind, lives: readonly Lifecycle[]): Verdict | Promise<Verdict> {
    const states = lives.map(({ state }) => state);
    if (kind === 'live') return { ok: true, status: 'ok' };
    if (kind === 'startup' && this.#started) return { ok: true, status: 'ok' };
    if (states.includes('draining')) return { ok: false, status: 'draining' };
    if (states.includes('starting')) return { ok: false, status: 'starting' };
    const since = Math.min(...lives.map(({ sheddingSince }) => sheddingSince ?? Infinity));
    if (kind === 'ready' && performance.now() - since >= this.#options.sheddingMs) {
      return { ok: false, status: 'overloaded' };
    }
    if (this.#checks.length === 0) return this.#judge([], []);
    return Promise.all(this.#checks.map((check) => check.ask())).then((results) =>
      this.#judge(
        results,
        results.filter(({ ok }) => !ok),
      ),
    );
  }

  #judge(results: readonly CheckResult[], failing: readonly CheckResult[]): Verdict {
    const ok = failing.length === 0;
    if (ok) this.#started = true;
    if (this.#wasReady !== ok && (this.#wasReady !== undefined || !ok)) this.#onChange(ok, failing);
    this.#wasReady = ok;
    return { ok, status: ok ? 'ok' : 'failing', results };
  }

  #send(req: IncomingMessage, res: ServerResponse, { ok, status, results }: Verdict): void {
    if (res.headersSent || res.destroyed) return;
    const lagMs = this.#lag?.ms ?? 0;
    const degraded = ok && lagMs >= this.#options.degradedMs;
    const shown = { status: degraded ? 'degraded' : status };
    const body = JSON.stringify(this.#admits(req) ? { ...shown, ...detailsOf(results, lagMs) } : shown);
    res.writeHead(ok ? 200 : 503, {
      'Content-Type': 'application/json; charset=utf-8',
      'Content-Length': Buffer.byteLength(body),
      'Cache-Control': 'no-store',
      'X-Content-Type-Options': 'nosniff',
    });
    res.end(req.method === 'HEAD' ? undefined : body);
  }

  #admits(req: IncomingMessage): boolean {
    const { details, adminPort } = this.#options;
    if (adminPort !== 0 && req.socket.localPort === adminPort) return true;
    if (typeof details === 'boolean') return details;
    try {
      return details === 'private' ? isFromPrivateNetwork(req) : details(req) === true;
    } catch {
      return false;
    }
  }
}

interface Verdict {
  readonly ok: boolean;
  readonly status: string;
  readonly results?: readonly CheckResult[];
}

function detailsOf(results: readonly CheckResult[] | undefined, eventLoopLagMs: number): object {
  const checks = results?.map(({ name, ...result }) => [name, result] as const) ?? [];
  return {
    pid: process.pid,
    ...(cluster.isWorker && { worker: cluster.worker?.id }),
    uptimeS: Math.round(process.uptime()),
    eventLoopLagMs,
    ...(checks.length > 0 && { checks: Object.fromEntries(checks) }),
  };
}

/**
 * Middleware that answers `GET` and `HEAD` of `/livez`, `/readyz` and `/startupz` for an orchestrator or balancer;
 * mount it first. Live is 200 until the process exits. Ready is 503 while the app starts or drains, while a check
 * fails, and when load was shed for a while. Each check has its limit, runs once at a time and at most once a second.
 * Answers are `no-store`; strangers see nothing but the status.
 *
 * It is about the process that answers. It knows of a drain when `gracefulShutdown` or `fatalErrors` has the same
 * server.
 *
 * @throws ProductionizeError when an option is wrong.
 * @see https://kubernetes.io/docs/concepts/workloads/pods/probes/
 * @example
 * app.use(healthChecks({ checks: { postgres: () => pool.query('select 1') } }))
 */
export function healthChecks(options?: HealthChecksOptions): HealthChecks {
  const health = new Health(options);
  health.start();
  const middleware: RequestHandler = function healthChecksMiddleware(req, res, next) {
    const kind = health.probed(req);
    if (kind === undefined) {
      next();
      return;
    }
    const { server } = req.socket as { server?: Server };
    health.answer(kind, req, res, server ? lifecyclesOf(server) : []);
  };
  return Object.defineProperties(middleware, {
    ready: { value: () => health.ready() },
    close: { value: () => health.close() },
    livenessPort: { get: () => health.livenessPort },
  }) as HealthChecks;
}
