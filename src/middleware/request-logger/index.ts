import type { ServerResponse } from 'node:http';
import type { NextFunction, Request, RequestHandler, Response } from 'express';
import { secretNameTest } from '../../logging/log-redaction.js';
import { plainLineWriter } from '../../logging/plain-line.js';
import {
  type LineSettings,
  levelOfFurtherError,
  messageOf,
  type Outcome,
  outcomeOf,
  type RequestLine,
  requestLine,
} from '../../logging/request-line.js';
import {
  contextOf,
  currentContext,
  defaultContextSettings,
  type InternalRequestContext,
  runInContext,
  startContext,
} from '../../support/context/context.js';
import { installAccessors } from '../../support/context/request-accessors.js';
import { debugFor } from '../../support/debug.js';
import { adaptLogger } from '../../support/logger-adapter.js';
import { lostLineReporter } from '../../support/lost-lines.js';
import type { PartLogger } from '../../support/part-logger.js';
import { closeDetachedResponses, onceClosed } from '../../support/pipelined-responses.js';
import { read } from '../../support/serialize-error.js';
import { loggedKey } from '../../support/symbols.js';
import { withoutQuery } from '../../support/url-path.js';
import { DebugBuffers, type RequestBuffer } from './log-buffer.js';
import { Collapser, errorKind } from './log-collapse.js';
import { type OtherLogger, otherLoggerOf } from './other-logger.js';
import { type RequestLoggerOptions, resolveRequestLogger } from './request-logger-options.js';

export type { RequestLoggerOptions };

type Logged = InternalRequestContext & { [loggedKey]?: RequestBuffer | true };

/** A line of one request and its message. The level of each line is that of the request or of the error. */
interface Entry {
  readonly line: Partial<RequestLine>;
  readonly message: string;
}

const debug = debugFor('request-logger');

/**
 * Middleware that writes one line per request when its response closes, however it ends. The line contains id, method,
 * URL, route, status, outcome and duration, and the error if there was one. A 5xx is logged as `error`, and a 4xx as
 * `warn`. A response below 400 whose handler failed is logged as `error`, and every other as `info`. An error after the
 * response, and each further error of a request, is logged on its own line. Secrets in the URL and in headers are
 * redacted. `req.log` writes lines with the same id.
 *
 * The error is the one that the async-errors or error-handler parts recorded, or that a handler assigned to `res.err`.
 *
 * @throws ProductionizeError when an option is wrong.
 * @example
 * app.use(requestLogger({ headers: ['user-agent'], bufferDebug: true }))
 * app.get('/', (req, res) => { req.log.debug('greeting'); res.send('hello') })
 */
export function requestLogger(options?: RequestLoggerOptions): RequestHandler {
  return watchRequests(options, false);
}

/**
 * The middleware for an app that may have a request logger of its own. `onOther` is called for each request that this one
 * logs, and returns whether it has the only line. An error is logged in any case.
 */
export function requestLoggerBeside(
  options: RequestLoggerOptions,
  onOther: (other: OtherLogger) => boolean,
): RequestHandler {
  return watchRequests(options, false, onOther);
}

/**
 * The middleware that logs only requests that failed. It does nothing for a request whose line {@link requestLogger}
 * writes. pino-http logs an error as `info` by default, so the error is logged on this line as well.
 */
export function requestErrorLogger(logger: PartLogger): RequestHandler {
  return watchRequests({ logger }, true);
}

function watchRequests(
  options: RequestLoggerOptions | undefined,
  errorsOnly: boolean,
  onOther?: (other: OtherLogger) => boolean,
): RequestHandler {
  const {
    logger: given,
    silentPaths,
    headers,
    redactQuery,
    abortedStatus,
    collapseErrorsAbove,
    bufferDebug,
  } = resolveRequestLogger(options);
  const contextSettings = defaultContextSettings;
  const isSilent = new Set(silentPaths);
  const settings: LineSettings = {
    abortedStatus,
    headers: headers.map((name) => name.toLowerCase()),
    isSecret: secretNameTest(redactQuery),
  };
  const logger = adaptLogger(given);
  const writePlain = plainLineWriter(logger.logger);
  const buffers = bufferDebug
    ? new DebugBuffers(logger.logger, bufferDebug === true ? {} : bufferDebug)
    : undefined;
  const collapser =
    collapseErrorsAbove === false
      ? undefined
      : new Collapser<Entry>(collapseErrorsAbove, ({ line, message }, repeated) => {
          logger.error({ ...line, repeated }, `${message} repeated ${repeated} times`);
        });

  const reportLostLine = lostLineReporter();

  return function requestLoggerMiddleware(req: Request, res: Response, next: NextFunction) {
    const known = contextOf(req) as Logged | undefined;
    if (known?.[loggedKey]) {
      debug(() => ['%s %s is logged already', req.method, req.url]);
      next();
      return;
    }
    if (known) {
      watch(known);
      next();
      return;
    }
    installAccessors(req.app);
    closeDetachedResponses(req.app);
    const context = startContext(req, res, contextSettings, req.app);
    watch(context);
    runInContext<[]>(context, next);
  };

  function watch(context: Logged): void {
    context.logsErrors = true;
    const isUpgrade = (context.req as { upgrade?: boolean }).upgrade === true;
    if (isUpgrade) context.onLateError = logLateError;
    if (errorsOnly) {
      context.onClose = onEnd;
      return;
    }
    const buffered = buffers?.open();
    context.logger = buffered?.logger ?? logger;
    context[loggedKey] = buffered?.buffer ?? true;
    if (context.onClose) context.onClose = onEnd;
    else onceClosed(context.res, isUpgrade && context.method !== 'CONNECT' ? onUpgradeClose : onClose);
  }

  // all requests share this listener
  function onClose(this: ServerResponse): void {
    const context = contextOf(this.req);
    if (context !== undefined) onEnd(context);
  }

  // the response to an accepted WebSocket is never written
  function onUpgradeClose(this: ServerResponse): void {
    if (this.headersSent || this.writableEnded) onClose.call(this);
  }

  function onEnd(context: Logged): void {
    inContext(context, log);
  }

  function inContext(context: Logged, write: (context: Logged) => void): void {
    if (currentContext() === context) write(context);
    else runInContext(context, write, context);
  }

  function log(context: Logged): void {
    context.onLateError = logLateError;
    const left = errorsOnly || leavesLine(context);
    attempt(() => (left ? writeFailure(context) : writeLine(context)));
    const { errors } = context;
    if (errors.length < 2) return;
    for (const error of errors) {
      if (!contains(context.error, error)) attempt(() => writeFurtherError(context, error, 'another error'));
    }
  }

  function leavesLine({ req, res }: Logged): boolean {
    const other = onOther && otherLoggerOf(req, res);
    return other !== undefined && onOther?.(other) === true;
  }

  function attempt(write: () => void): void {
    try {
      write();
    } catch (error) {
      reportLostLine(error);
    }
  }

  function logLateError(context: Logged, error: unknown): void {
    inContext(context, () => {
      attempt(() => writeFurtherError(context, error, 'an error after the response'));
    });
  }

  function writeLine(context: Logged): void {
    const outcome = outcomeOf(context);
    const { completed, failed, level } = outcome;
    const buffer = context[loggedKey] as RequestBuffer | true;
    const silent = level === 'info' && completed && !failed && isSilent.has(withoutQuery(context.url));
    if (silent || !logger.isLevelEnabled(level)) {
      settle(buffer, false);
      return;
    }
    const line = requestLine(context, outcome, settings);
    if (!admits(outcome, line)) {
      settle(buffer, false);
      return;
    }
    settle(buffer, failed || level === 'error');
    if (!writePlain?.(level, line)) logger.write(level, line, messageOf(line));
  }

  function writeFailure(context: Logged): void {
    const outcome = outcomeOf(context);
    const { failed, level } = outcome;
    if (!failed || level === 'info' || !logger.isLevelEnabled(level)) return;
    const line = requestLine(context, outcome, settings);
    if (admits(outcome, line)) logger.write(level, line, messageOf(line));
  }

  function admits({ failed, level, error }: Outcome, line: RequestLine): boolean {
    if (!failed || level !== 'error' || collapser === undefined) return true;
    return collapser.admits(errorKind(error, line.route), { line, message: messageOf(line) });
  }

  /** Writes an error that is not on the line of its request. */
  function writeFurtherError(context: Logged, error: unknown, what: string): void {
    const level = levelOfFurtherError(context, error);
    if (level === undefined || !logger.isLevelEnabled(level)) return;
    const outcome: Outcome = { completed: true, failed: true, error, level };
    const { reqId, trace_id, span_id, method, url, route, err } = requestLine(context, outcome, settings);
    const line = { reqId, trace_id, span_id, method, url, route, err };
    const message = `${method} ${route ?? withoutQuery(url)}: ${what}`;
    if (level === 'error' && collapser?.admits(errorKind(error, route), { line, message }) === false) return;
    logger.write(level, line, message);
  }
}

const maxCauses = 5;

/** Whether the line of an error contains another error: the error itself, or one of its causes. */
function contains(error: unknown, other: unknown): boolean {
  let each = error;
  for (let depth = 0; depth <= maxCauses && each !== undefined; depth++) {
    if (Object.is(each, other)) return true;
    each = read(each, 'cause');
  }
  return Object.is(each, other);
}

function settle(buffer: RequestBuffer | true, failed: boolean): void {
  if (buffer !== true) buffer.settle(failed);
}
