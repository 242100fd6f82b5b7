import type { IncomingMessage, ServerResponse } from 'node:http';
import { contextOf } from '../../support/context/context.js';
import { helpFor, quote } from '../../support/errors.js';
import { isPromise } from '../../support/is-promise.js';

export type Next = (error?: unknown) => void;

/**
 * Returns an error for the value that a handler threw or rejected with; a thrown value is always an error. Routers
 * continue with the next handler for a falsy value, which let a request pass a failed login. They skip handlers for the
 * strings `'route'` and `'router'`.
 */
function toError(thrown: unknown): unknown {
  if (thrown && thrown !== 'route' && thrown !== 'router') return thrown;
  const code = 'ERR_PRODUCTIONIZE_REJECTION';
  const message = thrown
    ? `A handler threw ${quote(thrown)}: expected an Error. Throw an Error, or call next('route') to skip. See ${helpFor(code)}`
    : // this is the message of Express 5, which apps and alerts compare
      'Rejected promise';
  return Object.assign(new Error(message, { cause: thrown }), { code });
}

/** One call of a handler. It records whether the handler has called `next`, and passes on what the handler throws. */
export class HandlerCall {
  readonly #req: IncomingMessage;
  readonly #res: ServerResponse;
  readonly #proceed: Next;
  readonly #onNoResponse: ((res: ServerResponse) => void) | undefined;
  #passedOn = false;
  /** Whether the handler returned a promise that is not settled yet, and whether it was rejected. */
  #pending = false;
  #rejected = false;

  /** `onNoResponse` is called for handlers that end without a response. */
  constructor(
    req: IncomingMessage,
    res: ServerResponse,
    proceed: Next,
    onNoResponse?: (res: ServerResponse) => void,
  ) {
    this.#req = req;
    this.#res = res;
    this.#proceed = proceed;
    this.#onNoResponse = onNoResponse;
  }

  /**
   * Makes the `next` that the handler receives; most last handlers take none. It is not stored here, because V8 then keeps
   * a request in memory past its end: a quarter of what requests allocated survived young collections.
   */
  makeNext(): Next {
    return (...args) => {
      const [error] = args;
      // express-async-errors calls next(undefined) one microtask before threw() if a handler rejects with
      // undefined
      if (this.#pending && !error && args.length > 0) queueMicrotask(() => this.#passOn(error));
      else this.#passOn(error);
    };
  }

  #passOn(error: unknown): void {
    if (this.#rejected && !error) return;
    this.#passedOn = true;
    if (error && error !== 'route' && error !== 'router') contextOf(this.#req)?.fail(error);
    this.#proceed(error);
  }

  /** Called with the value that the handler threw or rejected with. */
  threw(thrown: unknown): void {
    const error = toError(thrown);
    const context = contextOf(this.#req);
    const isNew = context?.fail(error) ?? true;
    if (this.#passedOn) {
      if (isNew && !context?.logsErrors) warnAfterNext(error);
      return;
    }
    this.#passedOn = true;
    this.#proceed(error);
  }

  /** Watches the value that the handler returned, if it is a promise. */
  returned(result: unknown): void {
    if (!isPromise(result)) return;
    // Promise.resolve also handles thenables that have no `catch`, throw from `then`, or settle twice
    this.#pending = true;
    Promise.resolve(result).then(
      () => this.#ended(),
      (thrown) => {
        this.#pending = false;
        this.#rejected = true;
        this.threw(thrown);
      },
    );
  }

  #ended(): void {
    this.#pending = false;
    const res = this.#res;
    if (!this.#passedOn && !res.headersSent && !res.writableEnded) this.#onNoResponse?.(res);
  }
}

/** Warns of an error after `next()`, since another handler responds to the request and no logger watches it. */
function warnAfterNext(error: unknown): void {
  process.emitWarning(`A handler failed after next() was called: ${quote(error)}`, 'ProductionizeWarning');
}

/** Any function Express calls with `next`: a handler, an error handler or a `param` callback. */
export type Handler = (...args: never[]) => unknown;

/**
 * Returns the handler with every call guarded; name, length and own properties are preserved. `onCall` runs before each
 * call.
 */
export function guardHandler<Fn extends Handler>(fn: Fn, onCall?: (req: IncomingMessage) => void): Fn {
  const handler = fn as unknown as (this: unknown, ...args: unknown[]) => unknown;
  const wrapped = function (this: unknown, ...args: unknown[]): void {
    // the arguments are (req, res, next, …), or (err, req, res, next) when the third is not a function
    const first = typeof args[2] === 'function' ? 0 : 1;
    const at = first + 2;
    const [req, res, next] = args.slice(first) as [IncomingMessage, ServerResponse, Next];
    onCall?.(req);
    const context = contextOf(req);
    const call = new HandlerCall(req, res, next, context?.layers?.onNoResponse);
    if (context) context.call = call;
    args[at] = call.makeNext();
    try {
      call.returned(handler.apply(this, args));
    } catch (thrown) {
      call.threw(thrown);
    }
  };
  for (const key of Reflect.ownKeys(fn)) {
    if (key === 'prototype' || key === 'arguments' || key === 'caller') continue;
    Object.defineProperty(wrapped, key, Object.getOwnPropertyDescriptor(fn, key) as PropertyDescriptor);
  }
  return wrapped as unknown as Fn;
}
