import type { IncomingMessage } from 'node:http';
import type { RequestHandler } from 'express';
import { contextOf } from '../../support/context/context.js';
import { refuseRequest } from '../../support/options.js';
import { stripPrototypeKeys } from '../../support/safe-json.js';

const bodyKey = Symbol('body');
const filledLaterKey = Symbol('filled later');

type Guarded = IncomingMessage & { body?: unknown; [bodyKey]?: unknown; [filledLaterKey]?: boolean };

/**
 * Strips `__proto__` and `constructor.prototype` keys from `req.body` as soon as any body parser sets it. Until a
 * parser reads the request, `'body' in req` is false as in Express. Packages test it to decide whether they read the
 * body themselves.
 */
export const guardParsedBodies: RequestHandler = function bodyGuardMiddleware(req, _res, next) {
  // an adapter without a socket sets the body before the app is called
  if (Object.hasOwn(req, 'body')) guardBody(req, req.body);
  else if (mayHaveBody(req)) req.on('newListener', guardOnceRead);
  next();
};

function mayHaveBody({ headers, httpVersionMajor }: IncomingMessage): boolean {
  const length = headers['content-length'];
  return (
    (length !== undefined && length !== '0') ||
    headers['transfer-encoding'] !== undefined ||
    httpVersionMajor > 1
  );
}

function guardOnceRead(this: Guarded, event: string | symbol): void {
  if (event !== 'data' && event !== 'readable') return;
  this.off('newListener', guardOnceRead);
  const { body } = this;
  Object.defineProperty(this, 'body', guarded);
  this.body = body;
}

/**
 * `req.body` after it was set. It is a property of the request itself, which can be listed, copied and deleted as
 * without the guard.
 */
const guarded: PropertyDescriptor & ThisType<Guarded> = {
  configurable: true,
  enumerable: true,
  get() {
    const body = this[bodyKey];
    if (this[filledLaterKey]) guardBody(this, body);
    return body;
  },
  // parsers set the body more than once: first an empty one, later the parsed one
  set(body: unknown) {
    guardBody(this, body);
    if (!Object.hasOwn(this, 'body')) Object.defineProperty(this, 'body', guarded);
    this[bodyKey] = body;
    // multer sets an empty body and adds the fields of a form as they arrive
    this[filledLaterKey] = isEmpty(body);
  },
};

function isEmpty(body: unknown): boolean {
  if (typeof body !== 'object' || body === null || ArrayBuffer.isView(body)) return false;
  for (const key in body) if (Object.hasOwn(body, key)) return false;
  return true;
}

function guardBody(req: IncomingMessage, body: unknown): void {
  if (typeof body !== 'object' || body === null) return;
  const stripped = stripPrototypeKeys(body);
  if (stripped > 0) contextOf(req)?.log?.warn({ stripped }, 'prototype keys stripped from the request body');
}

/**
 * Middleware that strips `__proto__` and `constructor.prototype` keys from a body that is already parsed. Mount it
 * after the body parser. `express.json()` accepts both keys, and the first deep merge makes them dangerous.
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
