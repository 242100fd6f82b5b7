import type { ErrorRequestHandler, RequestHandler } from 'express';
import { exposeLevel } from '../../logging/app-loggers.js';
import { BufferedDestination } from '../../logging/buffered-destination.js';
import { createLogger, type LoggerOptions } from '../../logging/logger.js';
import { guardHandler } from '../../middleware/async-errors/handler-call.js';
import { guardParsedBodies } from '../../middleware/body-guard/index.js';
import { compressResponses, resolveCompression } from '../../middleware/compression/index.js';
import { enforceDeadlines, resolveDeadline } from '../../middleware/deadline/index.js';
import { errorHandler, notFound } from '../../middleware/error-handler/index.js';
import { requestErrorLogger, requestLoggerBeside } from '../../middleware/request-logger/index.js';
import type { OtherLogger } from '../../middleware/request-logger/other-logger.js';
import { responseCache, sharedCacheOf } from '../../middleware/response-cache/index.js';
import { protectPipes } from '../../middleware/stream-errors/pipe-protection.js';
import { recordPipeSources } from '../../middleware/stream-errors/pipe-sources.js';
import { installStreamResponses } from '../../middleware/stream-errors/stream-responses.js';
import { detectSyncIo } from '../../middleware/sync-io/index.js';
import { undoAll } from '../../support/attachment.js';
import { contextOf } from '../../support/context/context.js';
import { installAccessors, removeAccessors } from '../../support/context/request-accessors.js';
import { reportError } from '../../support/error-response/error-report.js';
import { quote } from '../../support/errors.js';
import { type AnyFunction, callErrorHandler, createLayer } from '../../support/express-layers.js';
import { adaptLogger } from '../../support/logger-adapter.js';
import { checkOptions } from '../../support/options.js';
import { isLogger } from '../../support/part-logger.js';
import { closeDetachedResponses } from '../../support/pipelined-responses.js';
import { lintErrorHandlers } from '../express/error-handler-lint.js';
import { observeLayers } from '../express/layer-observer.js';
import { watchForResponse } from '../express/no-response.js';
import { optionsOfParts } from '../options-of-parts.js';
import { given, ownFunction, type Part, type Running, warnOfFound } from './part.js';

export const requestContextPart: Part = {
  name: 'requestContext',
  reason: 'id, signal and currentRequest(), before anything logs',
  setUp({ app, context }) {
    installAccessors(app);
    const { header } = context;
    return { facts: () => ({ requestIdHeader: header }), undo: () => removeAccessors(app) };
  },
};

export const loggerPart: Part = {
  name: 'logger',
  reason: 'req.log for the app, one destination that never blocks',
  setUp(assembly) {
    const option = assembly.options.logger;
    const own = isLogger(option);
    const logger = adaptLogger(own ? option : createLogger(given(option)));
    assembly.logger = logger;
    return {
      before: function attachLogger(req, _res, next) {
        const context = contextOf(req);
        if (context) context.logger = logger;
        next();
      },
      facts: () => ({
        ...(logger.level !== undefined && { level: logger.level }),
        ...(own
          ? { logger: `the app's own${logger.kind === 'other' ? '' : ` ${logger.kind}`}` }
          : { destination: describeDestination(given(option)?.destination) }),
      }),
      undo: exposeLevel(assembly.app, logger),
    };
  },
};

function describeDestination(destination: LoggerOptions['destination']): string {
  if (destination === undefined || (destination as unknown) === process.stdout) return 'stdout';
  if ((destination as unknown) === process.stderr) return 'stderr';
  if (typeof destination === 'string') return destination;
  return destination instanceof BufferedDestination ? destination.name : quote(destination);
}

/** Runs a middleware of the app in the place of a part. */
function runOwn(middleware: RequestHandler): Running {
  return {
    layer: middleware,
    reason: 'in the place of ours, before the routes',
    facts: () => ({ middleware: ownFunction(middleware) }),
  };
}

export const requestLoggerPart: Part = {
  name: 'requestLogger',
  reason: 'one line per request, those that end early included',
  offBecause: ({ options, logger }) =>
    logger || typeof options.requestLogger === 'function' ? undefined : 'the logger is off',
  setUp({ app, options, logger }) {
    if (typeof options.requestLogger === 'function') {
      return { ...runOwn(options.requestLogger), ...(logger && { before: requestErrorLogger(logger) }) };
    }
    const own = given(options.requestLogger) ?? {};
    const isPlain = Object.keys(own).length === 0;
    let other: OtherLogger | undefined;
    return {
      before: requestLoggerBeside({ ...own, logger }, (found) => {
        other = found;
        return isPlain;
      }),
      found: () => (other && isPlain ? `${other.name} (${other.evidence})` : undefined),
      facts: () => ({ ...(other && { beside: other.name }) }),
      undo: closeDetachedResponses(app),
    };
  },
};

export const deadlinePart: Part = {
  name: 'deadline',
  reason: 'behind the log, which sees the 503 and the error',
  offBecause: ({ options }) =>
    options.deadline ? undefined : 'off by default: only you know how long your responses may take',
  setUp({ options, lifecycle }) {
    const settings = resolveDeadline(given(options.deadline));
    const { afterMs, retryAfterSeconds } = settings;
    return {
      before: enforceDeadlines(lifecycle, settings),
      facts: () => ({ afterMs: typeof afterMs === 'number' ? afterMs : 'a function', retryAfterSeconds }),
    };
  },
};

export const detectSyncIoPart: Part = {
  name: 'detectSyncIo',
  reason: 'names synchronous calls of the routes',
  offBecause({ options, environment }) {
    if (given(options.detectSyncIo)?.enabled === true) return undefined;
    if (environment.mode === 'production') return 'absent in production';
    // a test runner loads files synchronously during a request; expectNoSyncIo recognizes these calls
    return environment.mode === 'test' && options.detectSyncIo === undefined ? 'NODE_ENV is test' : undefined;
  },
  setUp({ options }) {
    const detector = detectSyncIo(given(options.detectSyncIo));
    return {
      before: detector,
      facts: () => ({ watching: detector.startLine }),
      undo: () => detector.uninstall(),
    };
  },
};

export const streamErrorsPart: Part = {
  name: 'streamErrors',
  reason: 'a broken or abandoned stream.pipe(res) costs one request, not the process',
  setUp({ app }) {
    return {
      before: function streamErrorsMiddleware(_req, res, next) {
        protectPipes(res);
        next();
      },
      undo: undoAll([recordPipeSources(), installStreamResponses(app)]),
    };
  },
};

export const compressionPart: Part = {
  name: 'compression',
  reason: 'innermost: it sees what the routes send',
  setUp({ options }) {
    if (typeof options.compression === 'function') return runOwn(options.compression);
    const own = given(options.compression);
    const settings = resolveCompression(own);
    const { encodings, threshold, syncLimit } = settings;
    let found: string | undefined;
    const onOther = () => {
      if (found === undefined) warnOfFound('compression', 'compression', Object.keys(own ?? {}));
      found = 'compression (res.flush and res.on are replaced)';
    };
    return {
      before: compressResponses({ ...settings, onOther }),
      found: () => found,
      facts: () => ({ encodings, threshold, syncLimitBytes: syncLimit }),
    };
  },
};

export const cachePart: Part = {
  name: 'cache',
  reason: 'responds before the router, inside compression, which stores the encodings',
  offBecause: ({ options }) =>
    options.cache
      ? undefined
      : 'off by default: a Cache-Control that nothing obeyed so far would begin to count',
  finds: ({ cache }) => (cache ? 'responseCache()' : undefined),
  setUp({ app, options, lifecycle }) {
    const own = typeof options.cache === 'function' ? options.cache : undefined;
    const cache = own ?? responseCache(given(options.cache));
    const shared = sharedCacheOf(cache);
    shared.attach(app);
    shared.mayRefresh = () => lifecycle.state !== 'draining';
    return {
      // behind the app's own logger and compression, which are layers
      ...(typeof options.requestLogger === 'function' || typeof options.compression === 'function'
        ? { layer: cache }
        : { cache: (req, res, proceed, callback) => shared.handle(req, res, proceed, callback) }),
      facts() {
        const { store } = given(options.cache) ?? {};
        return {
          store: own ? 'that of the responseCache() that was given' : store ? quote(store) : 'memoryStore',
        };
      },
      undo() {
        shared.attach(undefined);
        if (own === undefined) void cache.close();
      },
    };
  },
};

export const bodyGuardPart: Part = {
  name: 'bodyGuard',
  reason: 'prototype keys are stripped from bodies before a handler sees them',
  setUp: () => ({ before: guardParsedBodies }),
};

export const asyncErrorsPart: Part = {
  name: 'asyncErrors',
  reason: 'whatever a handler throws or rejects with reaches the error handler',
  setUp({ app, options }) {
    const { noResponseMs = 10_000 } = checkOptions(
      'asyncErrors',
      given(options.asyncErrors),
      optionsOfParts.asyncErrors,
    );
    const layers = {
      onNoResponse: noResponseMs > 0 ? watchForResponse(noResponseMs) : () => {},
      skipsRoutes: options.fastPath !== false,
    };
    return {
      before: function asyncErrorsMiddleware(req, _res, next) {
        const context = contextOf(req);
        if (context) context.layers = layers;
        next();
      },
      boot(router) {
        lintErrorHandlers(router);
        return observeLayers(app);
      },
      facts: () => ({ noResponseMs }),
    };
  },
};

export const errorHandlerPart: Part = {
  name: 'errorHandler',
  reason: "behind all error handlers of the app; the app's own response comes first",
  setUp({ options, logger }) {
    const own = typeof options.errorHandler === 'function' ? options.errorHandler : undefined;
    const byName = given(options.errorHandler);
    const last = errorHandler(byName);
    const handler = (own ? guardHandler(own) : last) as AnyFunction;
    let respond = handler as ErrorRequestHandler;
    return {
      // tracing agents report the errors that reach an error handler of a router, and have spans for those of the app
      boot(router) {
        const layer = createLayer(router, handler);
        respond = own ? callErrorHandler.bind(undefined, layer) : layer.handle;
        return undefined;
      },
      after: {
        onError(error, req, res) {
          if (own) reportError(error, req);
          respond(error, req, res, (further: unknown) => last(further || error, req, res, () => {}));
        },
        notFound: notFound() as RequestHandler,
      },
      facts: () => ({ ...(own && { handler: ownFunction(own) }) }),
      // this logs errors when the request logger is off or when the app uses its own
      ...(logger && !byName?.logger && { before: requestErrorLogger(logger) }),
    };
  },
};
