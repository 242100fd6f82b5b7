import type { IncomingMessage } from 'node:http';
import type { Application, Express, RequestHandler } from 'express';
import { contextOf } from '../../support/context/context.js';
import { refuseRequest } from '../../support/options.js';
import { stripPrototypeKeys } from '../../support/safe-json.js';

const bodyKey = Symbol('body');
const filledLaterKey = Symbol('filled later');

type Guarded = IncomingMessage & { [bodyKey]?: unknown; [filledLaterKey]?: boolean };

/**
 * Strips `__proto__` and `constructor.prototype` keys from `req.body` the moment a body parser sets it, through the
 * app's own request prototype, so that every parser is covered. Returns its undo.
 */
export function installBodyGuard(app: Application): () => void {
  const prototype = (app as Express).request as object;
  if (Object.hasOwn(prototype, 'body')) return () => {};
  Object.defineProperty(prototype, 'body', { ...guarded, get: () => undefined, enumerable: false });
  return () => {
    delete (prototype as { body?: unknown }).body;
  };
}

/** `req.body` once it was set: a property of the request itself, to list, copy and delete as without the guard. */
const guarded: PropertyDescriptor & ThisType<Guarded> = {
  configurable: true,
  enumerable: true,
  get() {
    const body = this[bodyKey];
    if (this[filledLaterKey]) guardBody(this, body);
    return body;
  },
  // parsers set the body more than once: an empty one first, what they parsed later
  set(body: unknown) {
    guardBody(this, body);
    if (!Object.hasOwn(this, 'body')) Object.defineProperty(this, 'body', guarded);
    this[bodyKey] = body;
    // multer sets an empty body and adds the fields of a form as they arrive
    this[filledLaterKey] = typeof body === 'object' && body !== null && Object.keys(body).length === 0;
  },
};

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
export function bodyGuard(): RequestHandler;
export function bodyGuard(first?: unknown): RequestHandler {
  refuseRequest('bodyGuard', first);
  return function bodyGuardMiddleware(req, _res, next) {
    guardBody(req, req.body);
    next();
  };
}
