import type { IncomingMessage } from 'node:http';
import type { NextFunction, Request, RequestHandler, Response } from 'express';
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
   * Name of the header that carries the request id, in and out; `false` neither reads nor sends it.
   * @default 'x-request-id'
   */
  readonly requestIdHeader?: string | false;
  /**
   * Whether an incoming request id is believed. By default it is when the next hop is trusted by the app's
   * `trust proxy` setting.
   * @default the app's `trust proxy`
   */
  readonly trustRequestId?: boolean | ((req: IncomingMessage) => boolean);
}

/**
 * The request that is being served where this is called, in any function behind an `await`, a timer or a
 * callback; `undefined` outside requests.
 *
 * @example
 * currentRequest()?.log?.info('charged the card')
 */
export function currentRequest(): RequestContext | undefined {
  return currentContext();
}

/** Checks the options of {@link requestContext} and fills in the defaults. */
export function resolveContext(options?: RequestContextOptions): ContextSettings {
  const { requestIdHeader = defaultContextSettings.header, trustRequestId } = checkOptions(
    'requestContext',
    options,
    {
      requestIdHeader: isEither(isString, isOneOf(false)),
      trustRequestId: isEither(isBoolean, isFunction),
    },
  );
  const header = requestIdHeader === false ? false : requestIdHeader.toLowerCase();
  return { header, trust: trustRequestId };
}

/**
 * Middleware that gives each request an id, an abort signal and a place in AsyncLocalStorage, so that
 * {@link currentRequest} works anywhere behind it. The id comes from a trusted hop when it is well formed
 * (1 to 128 characters of `[\w.:-]`), else it is made here; it is sent back either way.
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
