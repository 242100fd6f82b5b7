import type { ErrorRequestHandler, Express, Request } from 'express';
import { errorHandler } from '../../middleware/error-handler/index.js';
import { Health } from '../../middleware/health-checks/app-health.js';
import { resolveShedding, shedLoad } from '../../middleware/load-shedding/index.js';
import { productionGuard } from '../../middleware/production-guard/index.js';
import {
  type FatalErrorsOptions,
  guardLifecycle,
  otherListeners,
  resolveFatalErrors,
} from '../../process/fatal-errors/index.js';
import { continuesAfterRejections, rejectionMode } from '../../process/fatal-errors/rejection-mode.js';
import { pm2Environment } from '../../process/orchestrator/pm2-environment.js';
import { joinShutdown } from '../../process/shutdown/membership.js';
import { resolveShutdown } from '../../process/shutdown/shutdown-settings.js';
import { leftTo, listenForSignals } from '../../process/shutdown/signals.js';
import { warnOnce } from '../../support/errors.js';
import { trackResponse } from '../../support/lifecycle.js';
import { closeDetachedResponses } from '../../support/pipelined-responses.js';
import { hasRouteFor } from '../express/route-collision.js';
import { given, type Part } from './part.js';

export const productionGuardPart: Part = {
  name: 'productionGuard',
  reason: 'NODE_ENV is read once, before anything depends on it',
  setUp(assembly) {
    const guard = productionGuard(assembly.app, given(assembly.options.productionGuard));
    assembly.findings = guard.findings;
    return {
      before: guard,
      boot() {
        guard.recheck();
        return undefined;
      },
      facts() {
        const forwardedHops = guard.forwardedHops();
        return { mode: assembly.environment.mode, ...(forwardedHops && { forwardedHops }) };
      },
    };
  },
};

export const healthChecksPart: Part = {
  name: 'healthChecks',
  reason: 'probes get their response before everything else, and stay out of the log',
  finds: ({ healthChecks }) => (healthChecks ? 'healthChecks()' : undefined),
  runsBesideFound: true,
  setUp(assembly) {
    const { options, lifecycle } = assembly;
    const byName = given(options.healthChecks);
    const health = new Health({
      onChange(ready, failing) {
        if (ready) assembly.logger?.info({}, 'ready again: all checks passed');
        else assembly.logger?.warn({ failing }, `not ready: ${failing.map(({ name }) => name).join(', ')}`);
      },
      ...byName,
    });
    const gate = () => health.ready();
    lifecycle.gates.add(gate);
    const lives = [lifecycle];
    let taken: readonly string[] = [];
    return {
      first(req, res) {
        const kind = health.probed(req);
        // in a sub-app, the path differs from the one that the client requested
        if (kind === undefined || (req as Partial<Request>).baseUrl) return false;
        trackResponse(lifecycle, res);
        health.respond(kind, req, res, lives);
        return true;
      },
      boot(router) {
        taken = [...health.paths.keys()].filter((path) => hasRouteFor(router, path));
        for (const path of taken) {
          if (byName === undefined) health.exclude(path);
          warnOnce(
            'ERR_PRODUCTIONIZE_HEALTH_PATH',
            byName === undefined
              ? `The app has its own route for ${path}, which responds. Give healthChecks another path, or switch it off.`
              : `The app has a route for ${path}, to which healthChecks now responds. Remove it, or give healthChecks another path.`,
            path,
          );
        }
        return undefined;
      },
      facts() {
        const { checks, timeoutMs, cacheMs, details } = health.settings;
        const left = byName === undefined ? taken : [];
        return {
          paths: [...health.paths.keys()].filter((path) => !left.includes(path)),
          ...(left.length > 0 && { leftToTheApp: left }),
          ...(taken.length > left.length && { insteadOfRoutes: taken }),
          checks: Object.keys(checks),
          timeoutMs,
          cacheMs,
          details: typeof details === 'function' ? 'a function' : details,
        };
      },
      onServer: () => health.start(),
      onServersClosed: () => health.close(),
      undo() {
        lifecycle.gates.delete(gate);
        health.close();
      },
    };
  },
};

export const loadSheddingPart: Part = {
  name: 'loadShedding',
  reason: 'before the log: refusing costs next to nothing, and is logged as counts',
  offBecause: ({ options }) =>
    options.loadShedding ? undefined : 'off by default: only you know whether to refuse or to wait',
  setUp(assembly) {
    const { app, options, lifecycle } = assembly;
    const { priority, ...rest } = given(options.loadShedding) ?? {};
    const { maxWaitMs, sustainedMs, startupMs } = resolveShedding(rest);
    const gate = shedLoad(lifecycle, {
      ...rest,
      // if the server did not construct the request from the app's class, Express has not set its prototype
      // yet
      priority:
        typeof priority === 'function'
          ? (req) => priority(Object.setPrototypeOf(req, (app as Express).request))
          : priority,
    });
    return {
      first(req, res) {
        if (!gate.refuses(req, res)) return false;
        assembly.onRefused?.(req, res.statusCode);
        return true;
      },
      facts: () => ({ maxWaitMs, sustainedMs, startupMs }),
      // the logger is set up after this part
      onServer: (server) => gate.watch(server, assembly.logger),
      undo: gate.uninstall,
    };
  },
};

export const fatalErrorsPart: Part = {
  name: 'fatalErrors',
  reason: 'the guilty request gets a 500, the others finish, the process exits 1',
  offBecause: ({ options, environment }) =>
    environment.mode === 'test' && options.fatalErrors === undefined ? 'NODE_ENV is test' : undefined,
  setUp({ options, lifecycle, logger }) {
    const respond = errorHandler() as ErrorRequestHandler;
    const settings: FatalErrorsOptions = {
      respond: ({ req, res }, error) => respond(error, req as never, res as never, () => {}),
      ...(logger && { logger }),
      ...given(options.fatalErrors),
    };
    let release: (() => void) | undefined;
    const { drainMs } = resolveFatalErrors(settings);
    return {
      facts() {
        const [exceptions, rejections] = [
          otherListeners('uncaughtException'),
          otherListeners('unhandledRejection'),
        ];
        const mode = rejectionMode();
        return {
          drainMs,
          ...(continuesAfterRejections(mode) && {
            rejections: `logged only, because of --unhandled-rejections=${mode}`,
          }),
          ...(rejections.length > 0 && {
            leftToTheApp: `rejections, to an unhandledRejection listener (${rejections.join(', ')})`,
          }),
          ...(exceptions.length > 0 && {
            beside: `an uncaughtException listener (${exceptions.join(', ')})`,
          }),
        };
      },
      onServer() {
        release ??= guardLifecycle(lifecycle, settings);
      },
      undo: () => release?.(),
    };
  },
};

export const gracefulShutdownPart: Part = {
  name: 'gracefulShutdown',
  reason: 'SIGTERM ends the process without losing a request',
  offBecause: ({ options, environment }) =>
    environment.mode === 'test' && options.gracefulShutdown === undefined ? 'NODE_ENV is test' : undefined,
  setUp({ app, options, lifecycle, logger }) {
    let pm2: string | undefined;
    const settings = resolveShutdown(
      { ...(logger && { logger }), ...given(options.gracefulShutdown) },
      logger,
    );
    const { maxRequestsPerConnection } = settings;
    lifecycle.maxRequestsPerConnection = maxRequestsPerConnection;
    const member = joinShutdown(new Set([lifecycle]), settings);
    // signals are handled from here on, so that a signal before `listen` also shuts the process down
    // gracefully
    const release = listenForSignals(options.gracefulShutdown !== undefined, settings);
    const leaveDetached = closeDetachedResponses(app);
    return {
      onServer: (server) => member.add(server),
      boot() {
        pm2 = pm2Environment();
        if (pm2 !== undefined) settings.logger.info({ reason: 'boot' }, `PM2: ${pm2}`);
        return undefined;
      },
      found: () => listenersText('SIGTERM'),
      facts: () => ({
        orchestrator: settings.orchestrator,
        delayMs: settings.delayMs,
        timeoutMs: settings.timeoutMs,
        graceMs: settings.graceMs,
        ...(maxRequestsPerConnection > 0 && { maxRequestsPerConnection }),
        ...(leftTo('SIGINT').length > 0 && { leftToTheApp: listenersText('SIGINT') as string }),
        ...(pm2 !== undefined && { environment: pm2 }),
      }),
      undo() {
        release();
        leaveDetached();
        member.leave();
        lifecycle.maxRequestsPerConnection = 0;
      },
    };
  },
};

/** Describes the listeners to which the shutdown part leaves a signal. */
function listenersText(signal: 'SIGTERM' | 'SIGINT'): string | undefined {
  const names = leftTo(signal);
  return names.length > 0 ? `a ${signal} listener (${names.join(', ')})` : undefined;
}
