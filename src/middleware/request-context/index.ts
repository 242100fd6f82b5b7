import type { IncomingMessage } from 'node:http';
import type { NextFunction, Request, RequestHandler, Response } from 'express';
import type { Logger } from 'pino';
import {
  type ContextSettings,
  currentContext,
  defaultContextSettings,
  enterContext,
} from '../../support/context/context.js';
import type { RequestContext } from '../../support/context/request-context.js';
import { checkOptions, isBoolean, isEither, isFunction, isOneOf, isString } from '../../support/options.js';

/** Options of {@link requestContext}. */
export interface RequestContextOptions {
  /**
   * Name of the header that carries the request id in requests and responses; `false` neither reads nor sends it.
   * @default 'x-request-id'
   */
  readonly requestIdHeader?: string | false;
  /**
   * Whether an incoming request id is used. By default it is used when the app's `trust proxy` setting trusts the next
   * hop.
   * @default the app's `trust proxy`
   */
  readonly trustRequestId?: boolean | ((req: IncomingMessage) => boolean);
}

/**
 * Returns the context of the request during which it is called, in any function after an `await`, a timer or a
 * callback. It returns `undefined` outside requests. `Log` is the type of the app's own logger, where one was passed.
 *
 * @example
 * currentRequest()?.log?.info('charged the card')
 */
export function currentRequest<Log = Logger>(): RequestContext<Log> | undefined {
  return currentContext() as RequestContext<Log> | undefined;
}

export const optionChecks = {
  requestIdHeader: isEither(isString, isOneOf(false)),
  trustRequestId: isEither(isBoolean, isFunction),
};

export function resolveContext(options?: RequestContextOptions): ContextSettings {
  const { requestIdHeader = defaultContextSettings.header, trustRequestId } = checkOptions(
    'requestContext',
    options,
    optionChecks,
  );
  const header = requestIdHeader === false ? false : requestIdHeader.toLowerCase();
  return { header, trust: trustRequestId };
}

/**
 * Middleware that creates an id, an abort signal and an AsyncLocalStorage context for each request. {@link
 * currentRequest} then works in all code that runs after it. The id of a trusted hop is used when it has 1 to 128
 * characters of `[\w.:-]`. Otherwise a new id is generated. The response contains the id in both cases.
 *
 * @throws ProductionizeError when an option is wrong.
 * @example
 * app.use(requestContext())
 * app.get('/', async (req, res) => res.json(await fetch(upstream, { signal: req.signal })))
 */
export function requestContext(options?: RequestContextOptions): RequestHandler {
  const settings = resolveContext(options);
  return function requestContextMiddleware(req: Request, res: Response, next: NextFunction) {
    enterContext(req, res, settings, next);
  };
}
