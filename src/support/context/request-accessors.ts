import type { IncomingMessage } from 'node:http';
import type { Application, Express } from 'express';
import type { Logger } from 'pino';
import { accessorsKey, contextKey } from '../symbols.js';

/**
 * The properties that each request of an app has in addition to Express's own. `productionize`, `requestContext` or
 * `requestLogger` installs them. The import of this package changes no type of Express, since another package or the
 * app may declare the same names. An app adds the types in a separate file:
 *
 * @example
 * declare global {
 *   namespace Express {
 *     interface Request extends RequestFields {}
 *   }
 * }
 */
export interface RequestFields<Log = Logger> {
  /** The request id: the one that a trusted proxy sent, else a generated one. */
  id: string;
  /**
   * A logger that carries the request id; created when it is first read. It is a child of the app's own logger where
   * that was passed: `RequestFields<winston.Logger>` has its type.
   */
  log: Log;
  /** Aborts when the client disconnects before the response is complete; never after a complete response. */
  readonly signal: AbortSignal;
}

type Carrier = { [contextKey]?: { requestId: unknown; log: Logger | undefined; signal: AbortSignal } };

/**
 * Defines `req.id`, `req.log` and `req.signal` for the requests of one app, on the app's own prototype. A request outside
 * an app has no such properties.
 */
export function installAccessors(app: Application | undefined): void {
  const prototype = (app as Express | undefined)?.request as Record<symbol, boolean> | undefined;
  if (prototype === undefined || prototype[accessorsKey]) return;
  Object.defineProperty(prototype, 'id', {
    configurable: true,
    enumerable: false,
    get(this: Carrier) {
      return this[contextKey]?.requestId;
    },
    set(this: Carrier, value: unknown) {
      const context = this[contextKey];
      if (context) context.requestId = value;
      else defineOwn(this, 'id', value);
    },
  });
  for (const name of ['log', 'signal'] as const) {
    Object.defineProperty(prototype, name, {
      configurable: true,
      enumerable: false,
      get(this: IncomingMessage) {
        return (this as Carrier)[contextKey]?.[name];
      },
      set(this: IncomingMessage, value: unknown) {
        defineOwn(this, name, value);
      },
    });
  }
  Object.defineProperty(prototype, accessorsKey, { value: true, configurable: true });
}

function defineOwn(object: object, name: string, value: unknown): void {
  Object.defineProperty(object, name, { value, writable: true, enumerable: true, configurable: true });
}

/** Removes the accessors of {@link installAccessors}. */
export function removeAccessors(app: Application): void {
  const prototype = (app as Express).request as object as Record<string | symbol, unknown>;
  if (!Object.hasOwn(prototype, accessorsKey)) return;
  for (const name of ['id', 'log', 'signal', accessorsKey]) delete prototype[name];
}
