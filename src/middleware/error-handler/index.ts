import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Request } from 'express';
import { readEnvironment, showsStacks } from '../../support/environment.js';
import { reportError } from '../../support/error-response/error-report.js';
import { respondNotFound, respondToError } from '../../support/error-response/error-response.js';
import { checkOptions, isBoolean, refuseRequest } from '../../support/options.js';
import { isPartLogger, type PartLogger } from '../../support/part-logger.js';

/** Options of {@link errorHandler}. */
export interface ErrorHandlerOptions {
  /**
   * Whether the response contains the error's stack, in every environment.
   * @default true where NODE_ENV is set to `development` or `test` and the app's `env` is not `production`
   */
  readonly exposeStack?: boolean;
  /**
   * Where errors go of requests that no request logger watches, with `err` and `reqId`.
   * @default the console, unless the app's `env` is `test`
   */
  readonly logger?: PartLogger;
}

/** An error handler for Express, which needs no more than what `node:http` gives it. */
export type ErrorHandler = (
  error: unknown,
  req: IncomingMessage,
  res: ServerResponse,
  next: (error?: unknown) => void,
) => void;

/**
 * The last error handler: one answer and one report for whatever was thrown. It answers as Express does in
 * production, and in the form the `Accept` header asks for: problem details (RFC 9457), HTML or text.
 *
 * The status is `err.status` or `err.statusCode` from 400 to 599, else that of the response, else 500. Valid headers
 * in `err.headers` are sent where the error names its status, those of the message framing excepted. The message reaches the client only below 500
 * and where `err.expose` is true, as http-errors sets it. When the answer is already under way, the connection is
 * reset, so that the client cannot take half an answer for a whole one.
 *
 * @throws ProductionizeError when an option is wrong.
 * @example
 * app.use(notFound())
 * app.use(errorHandler())
 */
export function errorHandler(options?: ErrorHandlerOptions): ErrorHandler {
  const { exposeStack, logger } = checkOptions('errorHandler', options, {
    exposeStack: isBoolean,
    logger: isPartLogger,
  });
  const exposeByDefault = showsStacks(readEnvironment());
  return function errorHandlerMiddleware(error, req, res, _next) {
    reportError(error, req, logger);
    const inProduction = (req as Request).app?.get('env') === 'production';
    respondToError(error, req, res, exposeStack ?? (exposeByDefault && !inProduction));
  };
}

/**
 * Middleware that answers 404 to what no route took, in the form the client prefers; mount it behind the routes.
 * Without an `Accept` header it is the page Express sends.
 *
 * @example
 * app.use(notFound())
 */
export function notFound(): (req: IncomingMessage, res: ServerResponse, next: () => void) => void;
export function notFound(
  first?: unknown,
): (req: IncomingMessage, res: ServerResponse, next: () => void) => void {
  refuseRequest('notFound', first);
  return function notFoundMiddleware(req, res, _next) {
    respondNotFound(req, res);
  };
}
