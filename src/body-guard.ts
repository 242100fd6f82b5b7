import type { IncomingMessage } from 'node:http';
import type { Application, Express, RequestHandler } from 'express';
import { contextOf } from './request-context.js';
import { stripPrototypeKeys } from './safe-json.js';

const bodyKey = Symbol('body');

type Guarded = IncomingMessage & { [bodyKey]?: unknown };

/**
 * Strips `__proto__` and `constructor.prototype` keys from `req.body` the moment a body parser sets it, on the
 * app's own request prototype, so that every parser is covered. Returns its undo.
 */
export function installBodyGuard(app: Application): () => void {
  const prototype = (app as Express).request as object;
  if (Object.hasOwn(prototype, 'body')) return () => {};
  Object.defineProperty(prototype, 'body', {
    configurable: true,
    enumerable: false,
    get(this: Guarded) {
      return this[bodyKey];
    },
    // parsers set the body more than once: an empty one first, what they parsed later
    set(this: Guarded, body: unknown) {
      guardBody(this, body);
      this[bodyKey] = body;
    },
  });
  return () => {
    delete (prototype as { body?: unknown }).body;
  };
}

function guardBody(req: IncomingMessage, body: unknown): void {
  if (typeof body !== 'object' || body === null) return;
  const stripped = stripPrototypeKeys(body);
  if (stripped > 0) contextOf(req)?.log?.warn({ stripped }, 'prototype keys stripped from the request body');
}

/**
 * Middleware that strips `__proto__` and `constructor.prototype` keys from a body that is already parsed; mount it
 * behind the body parser. `express.json()` lets both through, and the first deep merge makes them dangerous.
 *
 * @example
 * app.use(express.json(), bodyGuard())
 */
export function bodyGuard(): RequestHandler {
  return function bodyGuardMiddleware(req, _res, next) {
    guardBody(req, req.body);
    next();
  };
}
