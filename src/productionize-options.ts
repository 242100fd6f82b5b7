import type { CompressionOptions } from './compression.js';
import type { DeadlineOptions } from './deadline.js';
import type { ErrorHandlerOptions } from './error-handler.js';
import type { FatalErrorsOptions } from './fatal-errors.js';
import type { GracefulShutdownOptions } from './graceful-shutdown.js';
import type { HealthChecksOptions } from './health-checks.js';
import type { LoadSheddingOptions } from './load-shedding.js';
import type { LoggerOptions } from './logger.js';
import type { Switch } from './options.js';
import type { ProductionGuardOptions } from './production-guard.js';
import type { RequestContextOptions } from './request-context.js';
import type { RequestLoggerOptions } from './request-logger.js';
import type { ResponseCache, ResponseCacheOptions } from './response-cache.js';
import type { SyncIoOptions } from './sync-io-detector.js';

/** Options of the async-errors part. */
export interface AsyncErrorsOptions {
  /**
   * Milliseconds after which a handler that ended without an answer is named in a warning; 0 is off.
   * @default 10000
   */
  readonly noAnswerMs?: number;
}

/** Options of `productionize`: each part is off, on, or on with options. */
export interface ProductionizeOptions {
  /** NODE_ENV and settings. @default true */
  readonly productionGuard?: Switch<ProductionGuardOptions>;
  /** `/livez`, `/readyz` and `/startupz`, unless the app answers them itself. @default true */
  readonly healthChecks?: Switch<HealthChecksOptions>;
  /** Request id, `req.signal`, `currentRequest()`; the other parts lean on it. @default {} */
  readonly requestContext?: RequestContextOptions;
  /** 503 for what the process cannot do. @default false */
  readonly loadShedding?: Switch<LoadSheddingOptions>;
  /** The logger behind `req.log` and all lines. @default true */
  readonly logger?: Switch<LoggerOptions>;
  /** One line per request. @default true */
  readonly requestLogger?: Switch<Omit<RequestLoggerOptions, 'logger'>>;
  /** 503 for a request whose handler is not in time. @default false */
  readonly deadline?: Switch<DeadlineOptions>;
  /** Synchronous calls during requests. @default true, but not in production, nor where NODE_ENV is `test` */
  readonly detectSyncIo?: Switch<SyncIoOptions>;
  /** Errors and aborts of every `stream.pipe(res)`; streams in `res.send`. @default true */
  readonly streamErrors?: boolean;
  /** gzip, brotli and zstd; `false` when a proxy does it. @default true */
  readonly compression?: Switch<CompressionOptions>;
  /** Stored responses, before the router; or a `responseCache()` of your own, to purge. @default false */
  readonly cache?: Switch<ResponseCacheOptions> | ResponseCache;
  /** Prototype keys in request bodies. @default true */
  readonly bodyGuard?: boolean;
  /** Rejections and throws of every handler. @default true */
  readonly asyncErrors?: Switch<AsyncErrorsOptions>;
  /** The last answer to errors and unknown paths. @default true */
  readonly errorHandler?: Switch<ErrorHandlerOptions>;
  /** Uncaught exceptions and rejections. @default true, but not where NODE_ENV is `test` */
  readonly fatalErrors?: Switch<FatalErrorsOptions>;
  /** Signals, and an end without a lost request. @default true, but not where NODE_ENV is `test` */
  readonly gracefulShutdown?: Switch<GracefulShutdownOptions>;
}
