import type { ServerResponse } from 'node:http';
import type { NextFunction, Request, RequestHandler, Response } from 'express';
import { contextOf, defaultContextSettings, enterContext } from '../../support/context/context.js';
import { debugFor } from '../../support/debug.js';
import { respondUnavailable } from '../../support/error-response/error-response.js';
import { createLifecycle, type DeadlineCounts, type Lifecycle } from '../../support/lifecycle.js';
import { counts as metricCounts } from '../../support/metrics/counts.js';
import {
  checkOptions,
  isEither,
  isFunction,
  isInteger,
  isMilliseconds,
  maxInt32,
} from '../../support/options.js';
import { discardResponse } from '../../support/response-hooks.js';

/** Options of {@link deadline}. */
export interface DeadlineOptions {
  /**
   * Milliseconds from the arrival of a request to the headers of its response, or a function that returns them per
   * request. 0 is no deadline.
   * @default 30000
   */
  readonly afterMs?: number | ((req: Request) => number);
  /** Seconds in `Retry-After`: a random number between this and three times this. @default 2 */
  readonly retryAfterSeconds?: number;
}

/** The middleware of {@link deadline}, with its counts. */
export interface Deadline extends RequestHandler {
  readonly counts: Readonly<DeadlineCounts>;
}

const timerKey = Symbol('deadline');

type Timed = ServerResponse & { [timerKey]?: NodeJS.Timeout };

const debug = debugFor('deadline');

/**
 * Middleware that responds with 503 to a request whose handler has sent no headers in time. `req.signal` aborts, and a
 * later response of the handler is discarded. A response that has begun is not affected, which includes event streams
 * and downloads. `counts` contains the number of requests that passed their deadline. It also contains the wasted work:
 * responses that were finished after the deadline or after the client disconnected.
 *
 * @throws ProductionizeError when an option is wrong.
 * @see https://www.rfc-editor.org/rfc/rfc9110#section-15.6.4
 * @example
 * app.use(deadline({ afterMs: (req) => (req.path.startsWith('/export') ? 120_000 : 10_000) }))
 */
export function deadline(options?: DeadlineOptions): Deadline {
  return enforceDeadlines(createLifecycle(), resolveDeadline(options));
}

export const optionChecks = {
  afterMs: isEither(isMilliseconds(), isFunction),
  retryAfterSeconds: isInteger('seconds', 1, 86_400),
};

export function resolveDeadline(options?: DeadlineOptions): Required<DeadlineOptions> {
  return {
    afterMs: 30_000,
    retryAfterSeconds: 2,
    ...checkOptions('deadline', options, optionChecks),
  };
}

/** Creates the middleware for an app that tracks its own requests. */
export function enforceDeadlines(
  { deadlines: counts }: Lifecycle,
  { afterMs, retryAfterSeconds }: Required<DeadlineOptions>,
): Deadline {
  const { deadlines: metrics } = metricCounts;

  function limitOf(req: Request): number {
    if (typeof afterMs === 'number') return afterMs;
    try {
      const ms = afterMs(req);
      return ms > 0 && ms <= maxInt32 ? ms : 0;
    } catch (error) {
      debug(() => ['afterMs() threw %s: no deadline', error]);
      return 0;
    }
  }

  function expire(req: Request, res: Response): void {
    if (res.headersSent || res.writableEnded || res.closed) {
      debug(() => ['%s %s has begun its response', req.method, req.url]);
      return;
    }
    counts.expired++;
    metrics.expired++;
    const context = contextOf(req);
    const error = new DOMException('The request passed its deadline', 'TimeoutError');
    context?.fail(error);
    // the rest of the request body is not read
    if (!req.complete) res.setHeader('Connection', 'close');
    respondUnavailable(req, res, retryAfterSeconds);
    const expiredAt = performance.now();
    discardResponse(res, () => {
      counts.late++;
      metrics.late++;
      counts.wastedMs += performance.now() - expiredAt;
    });
    context?.abort(error);
  }

  // all requests share this listener
  function onClose(this: Timed): void {
    clearTimeout(this[timerKey]);
    if (this.writableEnded) return;
    const closedAt = performance.now();
    discardResponse(this, () => {
      counts.gone++;
      metrics.gone++;
      counts.wastedMs += performance.now() - closedAt;
    });
  }

  const middleware = function deadlineMiddleware(req: Request, res: Response, next: NextFunction): void {
    const limit = (req as { upgrade?: boolean }).upgrade ? 0 : limitOf(req);
    if (limit > 0) {
      (res as unknown as Timed)[timerKey] = setTimeout(expire, limit, req, res).unref();
      res.on('close', onClose);
    }
    enterContext(req, res, defaultContextSettings, next);
  };
  return Object.defineProperty(middleware as RequestHandler as Deadline, 'counts', { value: counts });
}
