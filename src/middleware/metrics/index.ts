import type { IncomingMessage, ServerResponse } from 'node:http';
import type { NextFunction, Request, RequestHandler, Response } from 'express';
import { once, undoAll } from '../../support/attachment.js';
import { attempt } from '../../support/attempt.js';
import { type MetricsServer, respondWithMetrics } from '../../support/metrics/admin-server.js';
import { openMetrics } from '../../support/metrics/open-metrics.js';
import { closeDetachedResponses } from '../../support/pipelined-responses.js';
import { isFromLoopback, isFromPrivateNetwork } from '../../support/private-network.js';
import { withoutQuery } from '../../support/url-path.js';
import { addWorkerTask } from '../../support/worker-tasks.js';
import { metricFamilies, recorder } from './collect.js';
import { joinRegistry, type MetricsRegistry } from './joined-registries.js';
import { measure } from './measured-requests.js';
import {
  type MetricsOptions,
  optionChecks,
  type ResolvedMetrics,
  resolveMetrics,
} from './metrics-options.js';
import { measureRuntime } from './runtime-measures.js';

export type { MetricsOptions, MetricsRegistry };
export { measure, optionChecks, recorder, resolveMetrics };

/** The middleware of {@link metrics}. */
export interface Metrics extends RequestHandler {
  /** The address at which the metrics are served; `undefined` while no port of this process is open. */
  readonly url: string | undefined;
  /** Closes the port and stops the measures of the process. */
  close(): void;
}

/**
 * Middleware that measures requests by method, route pattern and status, and serves them with the metrics of the process
 * for Prometheus: by default at `http://127.0.0.1:9464/metrics`. The names are those of OpenTelemetry and prom-client.
 * Mount it first. No label contains a value that a client sent, and the number of series is limited.
 *
 * @throws ProductionizeError when an option is wrong.
 * @see https://opentelemetry.io/docs/specs/semconv/http/http-metrics/
 * @example
 * app.use(metrics({ port: 9100 }))
 */
export function metrics(options?: MetricsOptions): Metrics {
  const settings = resolveMetrics(options);
  const stop = startMeasures(settings);
  const server = openPort(settings);
  const serves = servesPath(settings);
  const middleware = function metricsMiddleware(req: Request, res: Response, next: NextFunction): void {
    if (serves?.(req, res)) return;
    closeDetachedResponses(req.app);
    measure(req, res, settings.openTelemetry);
    next();
  };
  return Object.defineProperties(middleware as RequestHandler as Metrics, {
    url: { get: () => server?.url },
    close: { value: undoAll([() => server?.close(), stop]) },
  });
}

/** Starts what is measured all the time, and lets the primary of a cluster collect. Returns the undo. */
export function startMeasures({ registry }: ResolvedMetrics): () => void {
  const undo = [measureRuntime(), joinRegistry(registry), addWorkerTask('metrics', metricFamilies)];
  return once(undoAll(undo));
}

/** Opens the port of the options, if they have one. */
export function openPort({ port, host }: ResolvedMetrics): MetricsServer | undefined {
  return port === false ? undefined : openMetrics({ port, host, collect: metricFamilies });
}

/** Returns the function that responds on the path of the options; `undefined` where they have none. */
export function servesPath({ path, clients }: ResolvedMetrics) {
  if (path === undefined) return undefined;
  return (req: IncomingMessage, res: ServerResponse): boolean => {
    const { method, url = '' } = req;
    if (method !== 'GET' && method !== 'HEAD') return false;
    const target = (req as Partial<Request>).originalUrl ?? url;
    if (!target.startsWith(path) || withoutQuery(target) !== path || !admits(req, clients)) return false;
    respondWithMetrics(req, res, metricFamilies);
    return true;
  };
}

function admits(req: IncomingMessage, clients: ResolvedMetrics['clients']): boolean {
  if (typeof clients === 'function') return attempt(() => clients(req) === true, false);
  // nginx adds no header by default, and uses HTTP/1.0
  if (req.httpVersion === '1.0') return false;
  return clients === 'loopback' ? isFromLoopback(req) : isFromPrivateNetwork(req);
}
