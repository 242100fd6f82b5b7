import type { Server } from 'node:http';
import type { RequestHandler } from 'express';
import { lifecyclesOf } from '../../support/server-lifecycle.js';
import { healthChecksKey } from '../../support/symbols.js';
import { Health } from './app-health.js';
import type { CheckResult, HealthCheck } from './check-runner.js';
import type { HealthCheckOptions, HealthChecksOptions } from './health-options.js';
import type { LivenessThreadOptions } from './liveness-thread.js';

export type { CheckResult, HealthCheck, HealthCheckOptions, HealthChecksOptions, LivenessThreadOptions };

/** The middleware of {@link healthChecks}. */
export interface HealthChecks extends RequestHandler {
  /** Runs the checks, and resolves with whether all of them pass. */
  ready(): Promise<boolean>;
  /** The port of the liveness thread; `undefined` without one. */
  readonly livenessPort: Promise<number> | undefined;
  /** Stops timers and threads. */
  close(): void;
}

/**
 * Middleware that responds to `GET` and `HEAD` of `/livez`, `/readyz` and `/startupz` for an orchestrator or load
 * balancer; mount it first. Liveness is 200 until the process exits. Readiness is 503 while the app starts or drains,
 * while a check fails, and after load was shed for `sheddingMs`. Each check has a time limit and is started at most
 * once a second, never twice at the same time. Responses are `no-store`, and clients outside the private network
 * receive the status only.
 *
 * The state is that of the responding process. It includes draining if `gracefulShutdown` or `fatalErrors` is set up
 * for the same server.
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
    health.respond(kind, req, res, server ? lifecyclesOf(server) : []);
  };
  return Object.defineProperties(middleware, {
    [healthChecksKey]: { value: health.paths },
    ready: { value: () => health.ready() },
    close: { value: () => health.close() },
    livenessPort: { get: () => health.livenessPort },
  }) as HealthChecks;
}
