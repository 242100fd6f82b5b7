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
   * The logger for errors of requests that no request logger watches; each line contains `err` and `reqId`.
   * @default the console, unless the app's `env` is `test`
   */
  readonly logger?: PartLogger;
}

/** An error handler for Express that needs only what `node:http` provides. */
export type ErrorHandler = (
  error: unknown,
  req: IncomingMessage,
  res: ServerResponse,
  next: (error?: unknown) => void,
) => void;

export const optionChecks = {
  exposeStack: isBoolean,
  logger: isPartLogger,
};

/**
 * The last error handler: it sends one response and logs one report for every error. It responds as Express does in
 * production, in the form that the `Accept` header prefers: problem details (RFC 9457), HTML or text.
 *
 * The status is `err.status` or `err.statusCode` from 400 to 599, else that of the response, else 500. Valid headers in
 * `err.headers` are sent when the error has a status, except those of the message framing. The client receives the
 * message only below 500 and when `err.expose` is true, as http-errors sets it. If the response has already begun, the
 * connection is reset, so that the client cannot mistake a partial response for a complete one.
 *
 * @throws ProductionizeError when an option is wrong.
 * @example
 * app.use(notFound())
 * app.use(errorHandler())
 */
export function errorHandler(options?: ErrorHandlerOptions): ErrorHandler {
  const { exposeStack, logger } = checkOptions('errorHandler', options, optionChecks);
  const exposeByDefault = showsStacks(readEnvironment());
  return function errorHandlerMiddleware(error, req, res, _next) {
    reportError(error, req, logger);
    const inProduction = (req as Request).app?.get('env') === 'production';
    respondToError(error, req, res, exposeStack ?? (exposeByDefault && !inProduction));
  };
}

/**
 * Middleware that responds with 404 to requests that no route handled, in the form the client prefers. Mount it after
 * the routes. Without an `Accept` header the response is the page that Express sends.
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
