import type { Server } from 'node:http';
import type { RequestHandler } from 'express';
import { lifecyclesOf } from '../../support/server-lifecycle.js';
import type { CheckResult, HealthCheck } from './check-runner.js';
import { Health } from './health.js';
import type { HealthCheckOptions, HealthChecksOptions } from './health-options.js';
import type { LivenessThreadOptions } from './liveness-thread.js';

export type { CheckResult, HealthCheck, HealthCheckOptions, HealthChecksOptions, LivenessThreadOptions };

/** Middleware with health routes. */
export interface HealthChecks extends RequestHandler {
  /** Whether every check passes now. */
  ready(): Promise<boolean>;
  /** The port of the liveness thread, if there is one. */
  readonly livenessPort: Promise<number> | undefined;
  /** Stops timers and threads. */
  close(): void;
}

/**
 * Middleware that responds to `GET` and `HEAD` of `/livez`, `/readyz` and `/startupz` for an orchestrator or load
 * balancer; mount it first. Live is 200 until the process exits. Ready is 503 while the app starts or drains, while a
 * check fails, and when load was shed for a while. Each check has a time limit, runs once at a time and at most once a
 * second. Responses are `no-store`, and clients outside the private network get the status only.
 *
 * The state is that of the responding process. A drain is known when `gracefulShutdown` or `fatalErrors` has the same
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
    health.respond(kind, req, res, server ? lifecyclesOf(server) : []);
  };
  return Object.defineProperties(middleware, {
    ready: { value: () => health.ready() },
    close: { value: () => health.close() },
    livenessPort: { get: () => health.livenessPort },
  }) as HealthChecks;
}
