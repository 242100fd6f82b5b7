import type { IncomingMessage, ServerResponse } from 'node:http';
import { contextOf, type InternalRequestContext } from '../../support/context/context.js';
import { helpFor, quote } from '../../support/errors.js';
import { isPromise } from '../../support/is-promise.js';

export type Next = (error?: unknown) => void;

/**
 * An error for what a handler threw or rejected with. Routers take falsy values for "go on", which has let
 * requests past a failed login, and the strings `'route'` and `'router'` for "skip"; thrown, they are errors.
 */
export function toError(thrown: unknown): unknown {
  if (thrown && thrown !== 'route' && thrown !== 'router') return thrown;
  const code = 'ERR_PRODUCTIONIZE_REJECTION';
  const message = `A handler threw ${quote(thrown)}: expected an Error. Throw an Error, or call next('route') to skip. See ${helpFor(code)}`;
  return Object.assign(new Error(message, { cause: thrown }), { code });
}

/** One call of a handler: whether it has called `next`, and what to do with what it throws. */
export class HandlerCall {
  readonly #req: IncomingMessage;
  readonly #res: ServerResponse;
  readonly #proceed: Next;
  readonly #onSilence: ((res: ServerResponse) => void) | undefined;
  #next: Next | undefined = undefined;
  #passedOn = false;

  /** `onSilence` hears of handlers that end without an answer. */
  constructor(
    req: IncomingMessage,
    res: ServerResponse,
    proceed: Next,
    onSilence?: (res: ServerResponse) => void,
  ) {
    this.#req = req;
    this.#res = res;
    this.#proceed = proceed;
    this.#onSilence = onSilence;
  }

  /** What the handler gets as `next`; made when it is read, since most last handlers take none. */
  get next(): Next {
    this.#next ??= (error) => {
      this.#passedOn = true;
      if (error && error !== 'route' && error !== 'router') contextOf(this.#req)?.fail(error);
      this.#proceed(error);
    };
    return this.#next;
  }

  /** Takes what the handler threw or rejected with. */
  threw(thrown: unknown): void {
    const error = toError(thrown);
    if (this.#passedOn) {
      reportAfterNext(contextOf(this.#req), error);
      return;
    }
    this.#passedOn = true;
    contextOf(this.#req)?.fail(error);
    this.#proceed(error);
  }

  /** Watches what the handler returned, when that is a promise. */
  returned(result: unknown): void {
    if (!isPromise(result)) return;
    // Promise.resolve tames thenables that have no catch, throw from then, or settle twice
    Promise.resolve(result).then(
      () => this.#ended(),
      (thrown) => this.threw(thrown),
    );
  }

  #ended(): void {
    const res = this.#res;
    if (!this.#passedOn && !res.headersSent && !res.writableEnded) this.#onSilence?.(res);
  }
}

/** The answer is already somebody else's: the error is logged, and no second response is tried. */
function reportAfterNext(context: InternalRequestContext | undefined, error: unknown): void {
  const log = context?.log;
  if (log) log.error({ err: error }, 'a handler failed after next() was called');
  else
    process.emitWarning(`A handler failed after next() was called: ${quote(error)}`, 'ProductionizeWarning');
}

/** Any function Express calls with `next`: a handler, an error handler or a `param` callback. */
export type Handler = (...args: never[]) => unknown;

/** The same handler, every call guarded; name, length and own properties stay. */
export function guardHandler<Fn extends Handler>(fn: Fn): Fn {
  const handler = fn as unknown as (this: unknown, ...args: unknown[]) => unknown;
  const wrapped = function (this: unknown, ...args: unknown[]): void {
    // (req, res, next, …) or (err, req, res, next): an error handler is told by a function in fourth place
    const first = typeof args[2] === 'function' ? 0 : 1;
    const at = first + 2;
    const [req, res, next] = args.slice(first) as [IncomingMessage, ServerResponse, Next];
    const call = new HandlerCall(req, res, next);
    args[at] = call.next;
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
