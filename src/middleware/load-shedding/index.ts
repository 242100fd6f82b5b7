import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { performance } from 'node:perf_hooks';
import type { Request } from 'express';
import { debugFor } from '../../support/debug.js';
import { respondUnavailable } from '../../support/error-response/error-response.js';
import { quote } from '../../support/errors.js';
import { createLifecycle, type Lifecycle, type SheddingReason } from '../../support/lifecycle.js';
import { counts } from '../../support/metrics/counts.js';
import { checkOptions, isFunction, isInteger, isStringList } from '../../support/options.js';
import { isPartLogger, type PartLogger } from '../../support/part-logger.js';
import { probePaths, withoutQuery } from '../../support/url-path.js';
import { LoadSensor } from './load-sensor.js';
import type { LoadReading } from './overload-watch.js';
import { priorities, SheddingController } from './shedding-controller.js';
import { SheddingLog } from './shedding-log.js';

/**
 * The priority of a request under overload. Requests of priority `low` are refused first, those of priority `never` are
 * never refused.
 */
export type SheddingPriority = 'low' | 'normal' | 'high' | 'never';

/** Options of {@link loadShedding}. */
export interface LoadSheddingOptions {
  /**
   * Milliseconds that requests may wait for the event loop; with a longer wait, the process counts as overloaded. If
   * one request takes longer than a fifth of this, the limit is the time of five requests.
   * @default 50
   */
  readonly maxWaitMs?: number;
  /**
   * Milliseconds that overload has to last before any request is refused, so that one long task causes no refusal.
   * @default 1000
   */
  readonly sustainedMs?: number;
  /**
   * Milliseconds after the start in which no request is refused, because code is being compiled and caches are empty.
   * @default 5000
   */
  readonly startupMs?: number;
  /**
   * Seconds in `Retry-After`: a random number between this and three times this, so that clients do not retry at the
   * same time.
   * @default 2
   */
  readonly retryAfterSeconds?: number;
  /**
   * Returns the priority of a request from its method, path and headers. It is called under overload only. The request
   * is not parsed yet, so Express 4 has no `req.query`. An error or an unknown value counts as `normal`.
   * @default 'normal' for all requests
   */
  readonly priority?: (req: Request) => SheddingPriority;
  /**
   * Paths, without a query, that are never refused, such as the probes of an orchestrator.
   * @default ['/livez', '/readyz', '/startupz', '/healthz', '/health']
   */
  readonly exemptPaths?: readonly string[];
  /**
   * Receives a line when shedding begins, one per second while requests are refused, and one when it ends. The field
   * `shedding` is `began`, `refused` or `ended`. `count` is the number of requests refused since the line before, and
   * `refused` contains these counts by reason. `delayMs` and `utilization` describe the event loop, and `queued` is the
   * number of connections in the accept queue.
   * @default none, but `DEBUG=productionize:load-shedding` prints the lines; inside `productionize` the app's logger
   */
  readonly logger?: PartLogger;
}

/** The middleware of {@link loadShedding}, with its state. */
export interface LoadShedder {
  (req: IncomingMessage, res: ServerResponse, next: () => void): void;
  /** When shedding began, on the clock of `performance.now()`; `undefined` while every request is admitted. */
  readonly since: number | undefined;
  /** Requests refused since the start, by reason. */
  readonly refused: Readonly<Record<SheddingReason, number>>;
  /** Stops the sensor; every request is admitted from then on. */
  uninstall(): void;
}

/** Decides whether to refuse a request before other middleware runs. */
interface SheddingGate {
  /** Responds with 503 and returns true if the request is refused. */
  refuses(req: IncomingMessage, res: ServerResponse): boolean;
  /** Starts to read the load of a server; the logger is used where the options have none. */
  watch(server: Server, logger?: PartLogger): void;
  uninstall(): void;
}

const debug = debugFor('load-shedding');

const never = -1;
const normal = priorities.indexOf('normal');

export const optionChecks = {
  maxWaitMs: isInteger('milliseconds', 1),
  sustainedMs: isInteger('milliseconds', 1),
  startupMs: isInteger('milliseconds', 0),
  retryAfterSeconds: isInteger('seconds', 1, 86_400),
  priority: isFunction,
  exemptPaths: isStringList,
  logger: isPartLogger,
};

export function resolveShedding(options?: LoadSheddingOptions) {
  return {
    maxWaitMs: 50,
    sustainedMs: 1000,
    startupMs: 5000,
    retryAfterSeconds: 2,
    exemptPaths: probePaths,
    ...checkOptions('loadShedding', options, optionChecks),
  };
}

/** Creates load shedding for an app that tracks its own requests. */
export function shedLoad(lifecycle: Lifecycle, options?: LoadSheddingOptions): SheddingGate {
  const { maxWaitMs, sustainedMs, startupMs, retryAfterSeconds, priority, exemptPaths, logger } =
    resolveShedding(options);
  const exempt = new Set(exemptPaths);
  const { shedding } = lifecycle;
  const controller = new SheddingController({ maxWaitMs, sustainedMs });
  const sensor = new LoadSensor(onReading);
  const events = new SheddingLog(shedding, logger);
  let startedAt: number | undefined;
  let turnStartedAt: number | undefined;

  function onReading(reading: LoadReading): void {
    if (startedAt === undefined || reading.now - startedAt < startupMs) return;
    controller.read(reading);
    shedding.since = lifecycle.state === 'draining' ? undefined : controller.since;
    events.note(reading);
  }

  /** The age of the current turn of the event loop. The requests read in it had arrived before it began. */
  function turnMs(now: number): number {
    if (turnStartedAt === undefined) {
      turnStartedAt = now;
      setImmediate(endTurn);
    }
    return Math.max(now - turnStartedAt, sensor.overdueMs(now));
  }

  function endTurn(): void {
    turnStartedAt = undefined;
  }

  function priorityOf(req: IncomingMessage): number {
    const url = (req as Request).originalUrl ?? req.url ?? '/';
    if ((req as { upgrade?: boolean }).upgrade || exempt.has(withoutQuery(url))) return never;
    if (priority === undefined) return normal;
    try {
      const named: unknown = priority(req as Request);
      if (named === 'never') return never;
      const index = (priorities as readonly unknown[]).indexOf(named);
      if (index >= 0) return index;
      debug(() => ['priority() returned %s: normal is used', quote(named)]);
    } catch (error) {
      debug(() => ['priority() threw %s: normal is used', quote(error)]);
    }
    return normal;
  }

  return {
    refuses(req, res) {
      if (shedding.since === undefined) {
        controller.count();
        return false;
      }
      const rank = priorityOf(req);
      if (rank === never) return false;
      const now = performance.now();
      const reason = controller.refuses(rank, turnMs(now), now);
      if (reason === undefined) return false;
      shedding.refused[reason]++;
      counts.shed[reason]++;
      respondUnavailable(req, res, retryAfterSeconds);
      return true;
    },
    watch(server, later) {
      events.logger ??= later;
      startedAt ??= performance.now();
      sensor.watch(server);
    },
    uninstall() {
      sensor.stop();
      shedding.since = undefined;
    },
  };
}

/**
 * Middleware that refuses the requests that an overloaded process cannot serve in time, so that the others are fast.
 * When overload lasts, requests beyond a short queue get 503 with `Retry-After`. The lowest priority is refused first,
 * and no request at random. Mount it first.
 *
 * A timer reads event loop delay, event loop utilization and the kernel's accept queue (`/proc/net/tcp`, Linux). The
 * queue contains new connections that Node has not accepted, which no other measure shows. The queue cannot be read on
 * other systems and in workers whose primary accepts connections. There, load shedding limits event loop utilization to
 * a value a little below saturation.
 *
 * Probes and upgrades are never refused. No request is refused in the first seconds or because of one long task.
 *
 * @throws ProductionizeError when an option is wrong.
 * @see https://www.rfc-editor.org/rfc/rfc9110#section-15.6.4
 * @example
 * app.use(loadShedding({ priority: (req) => (req.path.startsWith('/checkout') ? 'high' : 'normal') }))
 */
export function loadShedding(options?: LoadSheddingOptions): LoadShedder {
  const lifecycle = createLifecycle();
  const gate = shedLoad(lifecycle, options);
  let lastServer: Server | undefined;
  const middleware = function loadSheddingMiddleware(
    req: IncomingMessage,
    res: ServerResponse,
    next: () => void,
  ): void {
    const { server } = req.socket as { server?: Server };
    if (server !== undefined && server !== lastServer) {
      lastServer = server;
      gate.watch(server);
    }
    if (!gate.refuses(req, res)) next();
  };
  return Object.defineProperties(middleware as LoadShedder, {
    since: { get: () => lifecycle.shedding.since },
    refused: { value: lifecycle.shedding.refused },
    uninstall: {
      value() {
        lastServer = undefined;
        gate.uninstall();
      },
    },
  });
}
