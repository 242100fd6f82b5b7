import type { Request } from 'express';
import {
  measure,
  openPort,
  recorder,
  resolveMetrics,
  servesPath,
  startMeasures,
} from '../../middleware/metrics/index.js';
import { hooks, makeHook } from '../../process/shutdown/hooks.js';
import { trackResponse } from '../../support/lifecycle.js';
import type { MetricsServer } from '../../support/metrics/admin-server.js';
import { openEndpoints } from '../../support/metrics/open-metrics.js';
import { given, type Part } from './part.js';

export const metricsPart: Part = {
  name: 'metrics',
  reason: 'before all that takes time, so that its time is measured',
  offBecause: ({ options }) =>
    options.metrics ? undefined : 'off by default: only you know whether they are scraped',
  setUp(assembly) {
    const { options, lifecycle } = assembly;
    const settings = resolveMetrics(given(options.metrics));
    const { port, host, path, clients, registry, openTelemetry } = settings;
    const stop = startMeasures(settings);
    const serves = servesPath(settings);
    let server: MetricsServer | undefined;
    const close = (): void => {
      server?.close();
      server = undefined;
    };
    const hook = makeHook(close, { name: 'the port of metrics' });
    hooks.shutdown.add(hook);
    assembly.onRefused = (req, status) => {
      if (!openTelemetry) recorder.ignoreOpenTelemetry(req);
      recorder.refused(req, status);
    };
    return {
      before: function metricsMiddleware(req, res, next) {
        measure(req, res, openTelemetry);
        next();
      },
      ...(serves && {
        first(req, res) {
          // in a sub-app, the path differs from the one that the client requested
          if ((req as Partial<Request>).baseUrl || !serves(req, res)) return false;
          trackResponse(lifecycle, res);
          return true;
        },
      }),
      boot(router) {
        recorder.expectRoutes(router);
        return undefined;
      },
      onServer() {
        server ??= openPort(settings);
      },
      onServersClosed: close,
      facts: () => ({
        ...(port !== false && { address: server?.url ?? `${host}:${port}${whose()}` }),
        ...(path !== undefined && {
          path,
          clients: typeof clients === 'function' ? 'a function' : clients,
        }),
        ...(registry !== undefined && { registry: 'that of the app' }),
      }),
      undo() {
        hooks.shutdown.delete(hook);
        assembly.onRefused = undefined;
        close();
        stop();
      },
    };
  },
};

function whose(): string {
  return openEndpoints.requestOfPrimary === undefined ? ' (not open)' : ' (of the primary)';
}
