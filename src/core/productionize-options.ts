import type { ErrorRequestHandler, RequestHandler } from 'express';
import type { LoggerOptions } from '../logging/logger.js';
import type { CompressionOptions } from '../middleware/compression/index.js';
import type { DeadlineOptions } from '../middleware/deadline/index.js';
import type { ErrorHandlerOptions } from '../middleware/error-handler/index.js';
import type { HealthChecksOptions } from '../middleware/health-checks/index.js';
import type { LoadSheddingOptions } from '../middleware/load-shedding/index.js';
import type { MetricsOptions } from '../middleware/metrics/index.js';
import type { ProductionGuardOptions } from '../middleware/production-guard/index.js';
import type { RequestContextOptions } from '../middleware/request-context/index.js';
import type { RequestLoggerOptions } from '../middleware/request-logger/index.js';
import type { ResponseCache, ResponseCacheOptions } from '../middleware/response-cache/index.js';
import type { SyncIoOptions } from '../middleware/sync-io/index.js';
import type { FatalErrorsOptions } from '../process/fatal-errors/index.js';
import type { GracefulShutdownOptions } from '../process/shutdown/index.js';
import type { PartLogger } from '../support/part-logger.js';
import type { Balancer, BalancerLimits } from './fast-path/server-timeouts.js';

/** Options of the async-errors part. */
export interface AsyncErrorsOptions {
  /**
   * Milliseconds after which a warning names a handler that ended without a response; 0 turns the warning off.
   * @default 10000
   */
  readonly noResponseMs?: number;
}

/** Options of the fast path. */
export interface FastPathOptions {
  /**
   * The balancer in front of the app: its servers keep idle connections longer than it does. It is the name of a known
   * one with its default limits, or the limits of another: `{ idleMs: 120_000 }`. `none` closes idle connections after
   * 5 s, as Node does. A timeout that the app's own code sets is left in place.
   * @default idle connections are closed after 65 s, which suits nginx and ALB
   */
  readonly balancer?: Balancer | BalancerLimits;
}

/** Options of `productionize`. Each part is switched off, switched on, or given its options. */
export interface ProductionizeOptions {
  /**
   * Servers construct requests and responses with the app's own prototypes and close idle connections after 65 s,
   * or later than `balancer` does.
   * `res.json`, `res.send` and ETags take fewer steps. `false` leaves Express's own.
   * @default true
   */
  readonly fastPath?: boolean | FastPathOptions;
  /** Checks NODE_ENV and the settings of the app. @default true */
  readonly productionGuard?: boolean | ProductionGuardOptions;
  /** Responds to `/livez`, `/readyz` and `/startupz`, unless the app responds to them itself. @default true */
  readonly healthChecks?: boolean | HealthChecksOptions;
  /**
   * Measures requests and the process, and serves them for Prometheus at `http://127.0.0.1:9464/metrics`.
   * @default false
   */
  readonly metrics?: boolean | MetricsOptions;
  /**
   * Request id, `req.signal` and `currentRequest()`. The other parts need this context, so it cannot be `false`.
   * @default true
   */
  readonly requestContext?: true | RequestContextOptions;
  /** Responds with 503 to requests that exceed the capacity of the process. @default false */
  readonly loadShedding?: boolean | LoadSheddingOptions;
  /**
   * The logger of `req.log` and of all other lines: options of `createLogger`, or the app's own logger. It may be a pino
   * of any version, a bunyan, a winston or another.
   * @default true
   */
  readonly logger?: boolean | LoggerOptions | PartLogger;
  /** Logs one line per request. A middleware such as `morgan('combined')` runs in its place. @default true */
  readonly requestLogger?: boolean | Omit<RequestLoggerOptions, 'logger'> | RequestHandler;
  /** Responds with 503 when a handler exceeds its deadline. @default false */
  readonly deadline?: boolean | DeadlineOptions;
  /** Reports synchronous calls during requests. @default true, but not in production, nor where NODE_ENV is `test` */
  readonly detectSyncIo?: boolean | SyncIoOptions;
  /** Handles errors and aborts of every `stream.pipe(res)`; `res.send` accepts streams. @default true */
  readonly streamErrors?: boolean;
  /**
   * Compresses with gzip, brotli and zstd; set it to `false` when a proxy compresses. A middleware such as that of the
   * package `compression` runs in its place.
   * @default true
   */
  readonly compression?: boolean | CompressionOptions | RequestHandler;
  /** Sends stored responses before the router runs; pass your own `responseCache()` to purge it. @default false */
  readonly cache?: boolean | ResponseCacheOptions | ResponseCache;
  /** Strips prototype keys from request bodies. @default true */
  readonly bodyGuard?: boolean;
  /** Passes rejections and throws of every handler to the error handler. @default true */
  readonly asyncErrors?: boolean | AsyncErrorsOptions;
  /**
   * Responds to errors and unknown paths that the app does not handle. An error handler runs in its place; where that one
   * calls `next` or fails, the part responds.
   * @default true
   */
  readonly errorHandler?: boolean | ErrorHandlerOptions | ErrorRequestHandler;
  /** Handles uncaught exceptions and unhandled rejections. @default true, but not where NODE_ENV is `test` */
  readonly fatalErrors?: boolean | FatalErrorsOptions;
  /** Handles signals and ends the process without losing a request. @default true, but not where NODE_ENV is `test` */
  readonly gracefulShutdown?: boolean | GracefulShutdownOptions;
}
