import type { LoggerOptions } from '../logging/logger.js';
import type { CompressionOptions } from '../middleware/compression/index.js';
import type { DeadlineOptions } from '../middleware/deadline/index.js';
import type { ErrorHandlerOptions } from '../middleware/error-handler/index.js';
import type { HealthChecksOptions } from '../middleware/health-checks/index.js';
import type { LoadSheddingOptions } from '../middleware/load-shedding/index.js';
import type { ProductionGuardOptions } from '../middleware/production-guard/index.js';
import type { RequestContextOptions } from '../middleware/request-context/index.js';
import type { RequestLoggerOptions } from '../middleware/request-logger/index.js';
import type { ResponseCache, ResponseCacheOptions } from '../middleware/response-cache/index.js';
import type { SyncIoOptions } from '../middleware/sync-io/index.js';
import type { FatalErrorsOptions } from '../process/fatal-errors/index.js';
import type { GracefulShutdownOptions } from '../process/shutdown/index.js';

/** Options of the async-errors part. */
export interface AsyncErrorsOptions {
  /**
   * Milliseconds after which a handler that ended without a response is named in a warning; 0 is off.
   * @default 10000
   */
  readonly noResponseMs?: number;
}

/** Options of `productionize`: each part is off, on, or on with options. */
export interface ProductionizeOptions {
  /**
   * Servers that construct requests and responses with the app's own prototypes and keep idle connections for 65 s;
   * `res.json`, `res.send` and ETags in fewer steps. `false` leaves Express's own.
   * @default true
   */
  readonly fastPath?: boolean;
  /** NODE_ENV and settings. @default true */
  readonly productionGuard?: boolean | ProductionGuardOptions;
  /** `/livez`, `/readyz` and `/startupz`, unless the app answers them itself. @default true */
  readonly healthChecks?: boolean | HealthChecksOptions;
  /** Request id, `req.signal`, `currentRequest()`; the other parts need it, so it cannot be `false`. @default true */
  readonly requestContext?: true | RequestContextOptions;
  /** 503 for what the process cannot do. @default false */
  readonly loadShedding?: boolean | LoadSheddingOptions;
  /** The logger behind `req.log` and all lines. @default true */
  readonly logger?: boolean | LoggerOptions;
  /** One line per request. @default true */
  readonly requestLogger?: boolean | Omit<RequestLoggerOptions, 'logger'>;
  /** 503 for a request whose handler is not in time. @default false */
  readonly deadline?: boolean | DeadlineOptions;
  /** Synchronous calls during requests. @default true, but not in production, nor where NODE_ENV is `test` */
  readonly detectSyncIo?: boolean | SyncIoOptions;
  /** Errors and aborts of every `stream.pipe(res)`; streams in `res.send`. @default true */
  readonly streamErrors?: boolean;
  /** gzip, brotli and zstd; `false` when a proxy does it. @default true */
  readonly compression?: boolean | CompressionOptions;
  /** Stored responses, before the router; or a `responseCache()` of your own, to purge. @default false */
  readonly cache?: boolean | ResponseCacheOptions | ResponseCache;
  /** Prototype keys in request bodies. @default true */
  readonly bodyGuard?: boolean;
  /** Rejections and throws of every handler. @default true */
  readonly asyncErrors?: boolean | AsyncErrorsOptions;
  /** The last answer to errors and unknown paths. @default true */
  readonly errorHandler?: boolean | ErrorHandlerOptions;
  /** Uncaught exceptions and rejections. @default true, but not where NODE_ENV is `test` */
  readonly fatalErrors?: boolean | FatalErrorsOptions;
  /** Signals, and an end without a lost request. @default true, but not where NODE_ENV is `test` */
  readonly gracefulShutdown?: boolean | GracefulShutdownOptions;
}
