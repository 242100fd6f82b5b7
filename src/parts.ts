import type { Server } from 'node:http';
import type { Application, ErrorRequestHandler, Express, Request, RequestHandler } from 'express';
import type { Logger } from 'pino';
import { installBodyGuard } from './body-guard.js';
import { compression } from './compression.js';
import { installAccessors, removeAccessors } from './context/request-accessors.js';
import { keepDeadlines } from './deadline.js';
import { errorHandler, notFound } from './error-handler.js';
import { warnOnce } from './errors.js';
import { lintErrorHandlers } from './express/error-handler-lint.js';
import type { Router } from './express/express-layers.js';
import type { FoundMiddleware } from './express/found-middleware.js';
import { observe, observeLayers } from './express/layer-observer.js';
import { watchForAnswer } from './express/no-answer.js';
import { answersPath } from './express/route-collision.js';
import { type FatalErrorsOptions, guardLifecycle } from './fatal-errors.js';
import { Health } from './health/health.js';
import { type Lifecycle, trackResponse } from './lifecycle.js';
import { shedLoad } from './load-shedding.js';
import { createLogger } from './logger.js';
import { checkOptions, isInteger, type Switch } from './options.js';
import type { Gate } from './pipeline.js';
import { type Finding, productionGuard } from './production-guard.js';
import type { ProductionizeOptions } from './productionize-options.js';
import { contextOf } from './request-context.js';
import { requestLogger } from './request-logger.js';
import { joinShutdown } from './shutdown/membership.js';
import { pm2Environment } from './shutdown/pm2-environment.js';
import { resolveShutdown } from './shutdown/settings.js';
import { listenForSignals } from './shutdown/signals.js';
import { protectPipes } from './streams/pipe-protection.js';
import { recordPipeSources } from './streams/pipe-sources.js';
import { installStreamResponses } from './streams/stream-responses.js';
import type { Environment } from './support/environment.js';
import { detectSyncIo } from './sync-io-detector.js';

/** What the parts of one app share while they are set up. */
export interface Assembly {
  readonly app: Application;
  readonly options: Partial<ProductionizeOptions>;
  readonly environment: Environment;
  readonly lifecycle: Lifecycle;
  /** What the guard found; a live view. */
  findings: readonly Finding[];
  /** The app's logger, once its part is set up. */
  logger: Logger | undefined;
}

/** A part that was set up. */
export interface Running {
  /** Answers a request before everything else, the log included; true when it did. */
  readonly first?: Gate;
  /** Runs before the routes, in the order of the parts. */
  readonly before?: RequestHandler;
  /** Answers what no route and no error handler of the app did. */
  readonly after?: { readonly notFound: RequestHandler; readonly onError: ErrorRequestHandler };
  /** Called when the routes stand: at the first request, or when the server listens. May return more for the report. */
  boot?(router: Router): string | undefined;
  /** Called for each server the app is seen on. */
  onServer?(server: Server): void;
  /** More for the report. */
  readonly detail?: string;
  /** Leaves no trace. */
  undo?(): void;
}

/** How one part takes its place in an app. */
export interface Part {
  readonly name: keyof ProductionizeOptions;
  /** Why it is there; the report says it. */
  readonly reason: string;
  /** Why the environment switches it off, unless options say otherwise. */
  offBecause?(assembly: Assembly): string | undefined;
  /** Why it stands aside for what the app brings itself. */
  keeps?(found: FoundMiddleware): string | undefined;
  setUp(assembly: Assembly): Running;
}

function given<Options extends object>(option: Switch<Options> | undefined): Options | undefined {
  return typeof option === 'object' ? option : undefined;
}

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
    };
  },
};

export const healthChecksPart: Part = {
  name: 'healthChecks',
  reason: 'probes are answered before everything else, and stay out of the log',
  keeps: ({ healthChecks }) => (healthChecks ? 'found healthChecks, kept' : undefined),
  setUp(assembly) {
    const { options, lifecycle } = assembly;
    const byName = given(options.healthChecks);
    const health = new Health({
      onChange(ready, failing) {
        if (ready) assembly.logger?.info('ready again: all checks are well');
        else assembly.logger?.warn({ failing }, `not ready: ${failing.map(({ name }) => name).join(', ')}`);
      },
      ...byName,
    });
    const gate = () => health.ready();
    lifecycle.gates.add(gate);
    const lives = [lifecycle];
    return {
      first(req, res) {
        const kind = health.probed(req);
        // in a sub-app the path is not the one that was asked for
        if (kind === undefined || (req as Partial<Request>).baseUrl) return false;
        trackResponse(lifecycle, res);
        health.answer(kind, req, res, lives);
        return true;
      },
      boot(router) {
        const taken = [...health.paths.keys()].filter((path) => answersPath(router, path));
        for (const path of taken) {
          if (byName === undefined) health.leave(path);
          warnOnce(
            'ERR_PRODUCTIONIZE_HEALTH_PATH',
            byName === undefined
              ? `The app answers ${path} itself, and is left to it. Give healthChecks another path, or switch it off.`
              : `The app has a route for ${path}, which healthChecks answers now. Remove it, or give healthChecks another path.`,
            path,
          );
        }
        if (taken.length === 0) return undefined;
        return `${byName === undefined ? 'left to the app' : 'instead of a route of the app'}: ${taken.join(', ')}`;
      },
      onServer: () => health.start(),
      undo() {
        lifecycle.gates.delete(gate);
        health.close();
      },
    };
  },
};

export const requestContextPart: Part = {
  name: 'requestContext',
  reason: 'id, signal and currentRequest(), before anything logs',
  setUp({ app }) {
    installAccessors(app);
    return { undo: () => removeAccessors(app) };
  },
};

export const loggerPart: Part = {
  name: 'logger',
  reason: 'req.log for the app, one destination that never blocks',
  setUp(assembly) {
    const logger = createLogger(given(assembly.options.logger));
    assembly.logger = logger;
    return {
      before: function attachLogger(req, _res, next) {
        const context = contextOf(req);
        if (context) context.logger = logger;
        next();
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
    const gate = shedLoad(lifecycle, {
      log({ event, count, ...load }) {
        const fields = { shedding: event, count, ...load };
        if (event === 'ended') assembly.logger?.info(fields, 'load shedding ended');
        else if (event === 'began') assembly.logger?.warn(fields, 'overloaded: load shedding began');
        else assembly.logger?.warn(fields, `overloaded: ${count} requests refused`);
      },
      ...rest,
      // asked before Express has made the request its own, where the server did not construct it so
      priority:
        typeof priority === 'function'
          ? (req) => priority(Object.setPrototypeOf(req, (app as Express).request))
          : priority,
    });
    return {
      first: gate.refuses,
      onServer: gate.watch,
      undo: gate.uninstall,
    };
  },
};

export const requestLoggerPart: Part = {
  name: 'requestLogger',
  reason: 'one line per request, those that end early included',
  offBecause: ({ logger }) => (logger ? undefined : 'the logger is off'),
  keeps: ({ pinoHttp, morgan }) =>
    pinoHttp ? 'found pino-http, kept' : morgan ? 'found morgan, kept' : undefined,
  setUp: ({ options, logger }) => ({ before: requestLogger({ ...given(options.requestLogger), logger }) }),
};

export const deadlinePart: Part = {
  name: 'deadline',
  reason: 'behind the log, which sees the 503 and the error',
  offBecause: ({ options }) =>
    options.deadline ? undefined : 'off by default: only you know how long your answers may take',
  setUp: ({ options, lifecycle }) => ({ before: keepDeadlines(lifecycle, given(options.deadline)) }),
};

export const detectSyncIoPart: Part = {
  name: 'detectSyncIo',
  reason: 'names synchronous calls of the routes',
  offBecause({ options, environment }) {
    if (given(options.detectSyncIo)?.enabled === true) return undefined;
    if (environment.mode === 'production') return 'absent in production';
    // a test runner loads files behind the back of a request; expectNoSyncIo knows which
    return environment.mode === 'test' && options.detectSyncIo === undefined ? 'NODE_ENV is test' : undefined;
  },
  setUp({ options }) {
    const detector = detectSyncIo(given(options.detectSyncIo));
    return { before: detector, detail: detector.startLine, undo: () => detector.uninstall() };
  },
};

export const streamErrorsPart: Part = {
  name: 'streamErrors',
  reason: 'a broken or abandoned stream.pipe(res) costs one request, not the process',
  setUp({ app }) {
    const undo = [recordPipeSources(), installStreamResponses(app)];
    return {
      before: function streamErrorsMiddleware(_req, res, next) {
        protectPipes(res);
        next();
      },
      undo() {
        for (const put of undo) put();
      },
    };
  },
};

export const compressionPart: Part = {
  name: 'compression',
  reason: 'innermost: it sees what the routes send',
  keeps: ({ compression }) => (compression ? 'found compression, kept' : undefined),
  setUp: ({ options }) => ({ before: compression(given(options.compression)) }),
};

export const bodyGuardPart: Part = {
  name: 'bodyGuard',
  reason: 'prototype keys are stripped from bodies before a handler sees them',
  setUp: ({ app }) => ({ undo: installBodyGuard(app) }),
};

export const asyncErrorsPart: Part = {
  name: 'asyncErrors',
  reason: 'whatever a handler throws or rejects with reaches the error handler',
  setUp({ app, options }) {
    const { noAnswerMs = 10_000 } = checkOptions('asyncErrors', given(options.asyncErrors), {
      noAnswerMs: isInteger('milliseconds', 0, 2 ** 31 - 1),
    });
    const onSilence = noAnswerMs > 0 ? watchForAnswer(noAnswerMs) : () => {};
    let unobserve: (() => void) | undefined;
    return {
      before: function asyncErrorsMiddleware(req, _res, next) {
        const context = contextOf(req);
        if (context) observe(context, onSilence);
        next();
      },
      boot(router) {
        lintErrorHandlers(router);
        unobserve = observeLayers(app);
        return undefined;
      },
      undo: () => unobserve?.(),
    };
  },
};

export const errorHandlerPart: Part = {
  name: 'errorHandler',
  reason: "behind all error handlers of the app; the app's own answer first",
  setUp({ options }) {
    const onError = errorHandler(given(options.errorHandler)) as ErrorRequestHandler;
    return { after: { onError, notFound: notFound() as RequestHandler } };
  },
};

export const fatalErrorsPart: Part = {
  name: 'fatalErrors',
  reason: 'the guilty request gets a 500, the others finish, the process exits 1',
  offBecause: ({ options, environment }) =>
    environment.mode === 'test' && options.fatalErrors === undefined ? 'NODE_ENV is test' : undefined,
  setUp({ options, lifecycle, logger }) {
    const answer = errorHandler() as ErrorRequestHandler;
    const settings: FatalErrorsOptions = {
      answer: ({ req, res }, error) => answer(error, req as never, res as never, () => {}),
      ...(logger && {
        log(err, { origin, context, inFlight, last }) {
          const fields = {
            err,
            origin,
            reqId: context?.id,
            method: context?.method,
            route: context?.route,
            inFlight,
          };
          if (last) logger.fatal(fields, 'the process exits after an error that nothing caught');
          else logger.error(fields, 'an error that nothing caught: draining');
        },
      }),
      ...given(options.fatalErrors),
    };
    let release: (() => void) | undefined;
    return {
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
  setUp({ options, lifecycle, logger }) {
    const settings = resolveShutdown(
      {
        ...(logger && {
          log: ({ level, message, reason, open }) =>
            logger[level]({ reason, ...(open?.length && { open }) }, message),
        }),
        ...given(options.gracefulShutdown),
      },
      async () => {
        await new Promise((resolve) => (logger ? logger.flush(resolve) : resolve(undefined)));
      },
    );
    const member = joinShutdown(new Set([lifecycle]), settings);
    // from here on, so that a signal before `listen` ends the process in good order too
    const release = listenForSignals(options.gracefulShutdown !== undefined, settings);
    return {
      onServer: (server) => member.add(server),
      boot() {
        const environment = pm2Environment();
        if (environment === undefined) return undefined;
        settings.log({ level: 'info', reason: 'boot', message: `PM2: ${environment}` });
        return `${gracefulShutdownPart.reason}; PM2: ${environment}`;
      },
      undo() {
        release();
        member.leave();
      },
    };
  },
};
