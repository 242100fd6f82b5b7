import type { IncomingMessage } from 'node:http';
import type { Application, Express } from 'express';
import type { Logger } from 'pino';
import { accessorsKey, contextKey } from '../symbols.js';

/**
 * What each request of an app has beside Express's own, once `productionize`, `requestContext` or `requestLogger` is in
 * place. No type of Express is changed by importing this package, since another package or the app may declare the same
 * names: an app opts in, in a file of its own.
 *
 * @example
 * declare global {
 *   namespace Express {
 *     interface Request extends RequestFields {}
 *   }
 * }
 */
export interface RequestFields {
  /** The request id: the one a trusted proxy sent, else one of our own. */
  id: string;
  /** A logger that carries the request id; made when first read. */
  log: Logger;
  /** Aborts when the client goes away before the response is complete; never after a complete response. */
  readonly signal: AbortSignal;
}

type Carrier = { [contextKey]?: { id: string; log: Logger | undefined; signal: AbortSignal } };

/** Gives the requests of one app `req.id`, `req.log` and `req.signal`, on the app's own prototype. */
export function installAccessors(app: Application): void {
  const prototype = (app as Express).request as object as Record<symbol, boolean>;
  if (prototype[accessorsKey]) return;
  for (const name of ['id', 'log', 'signal'] as const) {
    Object.defineProperty(prototype, name, {
      configurable: true,
      enumerable: false,
      get(this: IncomingMessage) {
        return (this as Carrier)[contextKey]?.[name];
      },
      set(this: IncomingMessage, value: unknown) {
        Object.defineProperty(this, name, { value, writable: true, enumerable: true, configurable: true });
      },
    });
  }
  Object.defineProperty(prototype, accessorsKey, { value: true, configurable: true });
}

/** Takes the accessors of {@link installAccessors} off again. */
export function removeAccessors(app: Application): void {
  const prototype = (app as Express).request as object as Record<string | symbol, unknown>;
  if (!Object.hasOwn(prototype, accessorsKey)) return;
  for (const name of ['id', 'log', 'signal', accessorsKey]) delete prototype[name];
}
