// The app and its report

export type { Balancer, BalancerLimits } from './core/fast-path/server-timeouts.js';
export { productionize, restoreApp } from './core/productionize.js';
export type {
  AsyncErrorsOptions,
  FastPathOptions,
  ProductionizeOptions,
} from './core/productionize-options.js';
export {
  type AppReport,
  conditionReport,
  type Fact,
  type Facts,
  type PartReport,
  report,
  type ServerReport,
} from './core/report.js';
export { createServer, type ServerOptions } from './core/server.js';

// The request and its log

export {
  type LogLevelOptions,
  type LogLevelSignalOptions,
  setLogLevel,
  setLogLevelOnSignal,
} from './logging/log-level.js';
export { createLogger, type LoggerOptions } from './logging/logger.js';
export {
  currentRequest,
  type RequestContextOptions,
  requestContext,
} from './middleware/request-context/index.js';
export { type RequestLoggerOptions, requestLogger } from './middleware/request-logger/index.js';
export type { DebugBufferOptions } from './middleware/request-logger/log-buffer.js';
export type { RequestFields } from './support/context/request-accessors.js';
export type { RequestContext } from './support/context/request-context.js';
export type { TraceContext } from './support/context/trace-context.js';
export type { PartLogger } from './support/part-logger.js';

// Errors

export { wrapAsync } from './middleware/async-errors/index.js';
export {
  type ErrorHandler,
  type ErrorHandlerOptions,
  errorHandler,
  notFound,
} from './middleware/error-handler/index.js';
export { bindStreamErrors } from './middleware/stream-errors/index.js';
export { type ErrorCode, ProductionizeError } from './support/errors.js';

// Bodies

export { bodyGuard } from './middleware/body-guard/index.js';
export { type CompressionOptions, compression } from './middleware/compression/index.js';
export type { Encoding } from './support/encoding/encoders.js';
export { type SafeJson, safeJsonParse, stripPrototypeKeys } from './support/safe-json.js';

// Cached responses

export { type CacheControlOptions, cacheControl } from './middleware/response-cache/cache-control.js';
export type {
  CacheEntry,
  CacheStore,
  PurgeReport,
  PurgeSelection,
} from './middleware/response-cache/cache-store.js';
export {
  type ResponseCache,
  type ResponseCacheOptions,
  responseCache,
} from './middleware/response-cache/index.js';
export { type MemoryStoreOptions, memoryStore } from './middleware/response-cache/memory-store.js';

// Static files

export { type StaticFilesOptions, staticFiles } from './middleware/static-files/index.js';
export {
  type PrecompressOptions,
  type PrecompressReport,
  precompress,
} from './middleware/static-files/precompress.js';

// Health and overload

export { type Deadline, type DeadlineOptions, deadline } from './middleware/deadline/index.js';
export {
  type CheckResult,
  type HealthCheck,
  type HealthCheckOptions,
  type HealthChecks,
  type HealthChecksOptions,
  healthChecks,
  type LivenessThreadOptions,
} from './middleware/health-checks/index.js';
export {
  type LoadShedder,
  type LoadSheddingOptions,
  loadShedding,
  type SheddingPriority,
} from './middleware/load-shedding/index.js';
export {
  type Metrics,
  type MetricsOptions,
  type MetricsRegistry,
  metrics,
} from './middleware/metrics/index.js';
export type { DeadlineCounts, SheddingReason } from './support/lifecycle.js';

// The environment and the event loop

export {
  type Finding,
  type ProductionGuard,
  type ProductionGuardOptions,
  productionGuard,
} from './middleware/production-guard/index.js';
export { detectSyncIo, type SyncIoDetector, type SyncIoOptions } from './middleware/sync-io/index.js';
export type { SyncIoGroup } from './middleware/sync-io/sync-builtins.js';
export type { SyncIoFinding } from './middleware/sync-io/sync-report.js';
export type { BlockedLoop } from './support/blocked-loop.js';

// The process

export type { ListenAddress, WorkerState } from './process/cluster/cluster-worker.js';
export type { ClusterStatus, WorkerStatus } from './process/cluster/control-protocol.js';
export { type ClusterOptions, runCluster } from './process/cluster/index.js';
export type { Cluster } from './process/cluster/primary.js';
export type { ReloadResult } from './process/cluster/rolling-reload.js';
export type { StickyOptions } from './process/cluster/sticky.js';
export { type FatalErrorsOptions, fatalErrors } from './process/fatal-errors/index.js';
export {
  type GracefulShutdown,
  type GracefulShutdownOptions,
  gracefulShutdown,
  type HookOptions,
  onDrain,
  onShutdown,
  type ShutdownHook,
} from './process/shutdown/index.js';
