import type { ErrorRequestHandler, RequestHandler } from 'express';
import { createLogger } from '../../logging/logger.js';
import { installBodyGuard } from '../../middleware/body-guard/index.js';
import { compression } from '../../middleware/compression/index.js';
import { keepDeadlines } from '../../middleware/deadline/index.js';
import { errorHandler, notFound } from '../../middleware/error-handler/index.js';
import { requestLogger } from '../../middleware/request-logger/index.js';
import {
  type ResponseCacheOptions,
  responseCache,
  sharedCacheOf,
} from '../../middleware/response-cache/index.js';
import { protectPipes } from '../../middleware/stream-errors/pipe-protection.js';
import { recordPipeSources } from '../../middleware/stream-errors/pipe-sources.js';
import { installStreamResponses } from '../../middleware/stream-errors/stream-responses.js';
import { detectSyncIo } from '../../middleware/sync-io/index.js';
import { contextOf } from '../../support/context/context.js';
import { installAccessors, removeAccessors } from '../../support/context/request-accessors.js';
import { checkOptions, isMilliseconds, type Switch } from '../../support/options.js';
import { lintErrorHandlers } from '../express/error-handler-lint.js';
import { observe, observeLayers } from '../express/layer-observer.js';
import { watchForAnswer } from '../express/no-response.js';
import { given, type Part } from './part.js';

export const requestContextPart: Part = {
  name: 'requestContext',
  reason: 'id, signal and currentContext(), before anything logs',
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

export const cachePart: Part = {
  name: 'cache',
  reason: 'answers before the router, inside compression, which keeps the encodings',
  offBecause: ({ options }) =>
    options.cache
      ? undefined
      : 'off by default: a Cache-Control that nobody obeyed so far would begin to count',
  keeps: ({ cache }) => (cache ? 'found a cache of its own, kept' : undefined),
  setUp({ app, options, lifecycle }) {
    const own = typeof options.cache === 'function' ? options.cache : undefined;
    const cache = own ?? responseCache(given(options.cache as Switch<ResponseCacheOptions>));
    const shared = sharedCacheOf(cache);
    shared.attach(app);
    shared.mayRefresh = () => lifecycle.state !== 'draining';
    return {
      cache: (req, res, proceed, callback) => shared.handle(req, res, proceed, callback),
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
  setUp: ({ app }) => ({ undo: installBodyGuard(app) }),
};

export const asyncErrorsPart: Part = {
  name: 'asyncErrors',
  reason: 'whatever a handler throws or rejects with reaches the error handler',
  setUp({ app, options }) {
    const { noAnswerMs = 10_000 } = checkOptions('asyncErrors', given(options.asyncErrors), {
      noAnswerMs: isMilliseconds(),
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
