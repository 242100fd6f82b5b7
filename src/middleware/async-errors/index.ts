import type { ErrorRequestHandler, Request, RequestHandler, RequestParamHandler, Response } from 'express';
import { debugFor } from '../../support/debug.js';
import { ProductionizeError, quote } from '../../support/errors.js';
import { refuseRequest } from '../../support/options.js';
import { guardHandler, type Handler } from './handler-call.js';

const debug = debugFor('async-errors');

/**
 * Wraps a handler, error handler or `param` callback, so that everything it throws or rejects with reaches the error
 * handler. It arrives once, and as an error even when it is `undefined` or the string `'route'`. Name, length and own
 * properties are preserved, so Express, APM agents and OpenAPI tools recognize the function. Express 4 needs this for
 * every async function. Express 5 (https://expressjs.com/en/guide/error-handling.html) forwards rejections itself, but
 * skips on those strings and loses an error thrown after `next()`.
 *
 * @throws ProductionizeError when `fn` is not a function.
 * @example
 * app.get('/users/:id', wrapAsync(async (req, res) => res.json(await users.find(req.params.id))))
 */
export function wrapAsync<
  Params = Request['params'],
  ResponseBody = Parameters<Response['send']>[0],
  RequestBody = Request['body'],
  Query = Request['query'],
  Locals extends Response['locals'] = Response['locals'],
>(
  fn: (...args: Parameters<RequestHandler<Params, ResponseBody, RequestBody, Query, Locals>>) => unknown,
): RequestHandler<Params, ResponseBody, RequestBody, Query, Locals>;
export function wrapAsync(fn: (...args: Parameters<ErrorRequestHandler>) => unknown): ErrorRequestHandler;
export function wrapAsync(fn: (...args: Parameters<RequestParamHandler>) => unknown): RequestParamHandler;
export function wrapAsync(fn: Handler): Handler {
  refuseRequest('wrapAsync', fn, 'wrapAsync(handler)');
  if (typeof fn !== 'function') {
    throw new ProductionizeError(
      'ERR_PRODUCTIONIZE_HANDLER',
      `wrapAsync: expected a handler function, got ${quote(fn)}. Pass the function, not its result.`,
    );
  }
  debug(() => ['wrapped %s', fn.name || '<anonymous>']);
  return guardHandler(fn);
}
