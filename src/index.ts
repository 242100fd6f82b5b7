// The one line

// Errors
export { wrapAsync } from './async-errors.js';
// Bodies
export { bodyGuard } from './body-guard.js';
export { type CacheControlOptions, cacheControl } from './cache-control.js';
// Caching
export type { CacheEntry, CacheStore, PurgeReport, PurgeSelection } from './cache-store.js';
export type { ClusterLogger } from './cluster/cluster-log.js';
export type { ClusterStatus, WorkerStatus } from './cluster/control-protocol.js';
export type { Cluster } from './cluster/primary.js';
export type { ReloadResult } from './cluster/reload.js';
export type { StickyOptions } from './cluster/sticky.js';
// Processes
export { type ClusterOptions, runCluster } from './cluster.js';
export { type CompressionOptions, compression } from './compression.js';
export { type ConditionReport, conditionReport, type PartCondition } from './condition-report.js';
// Overload
export { type Deadline, type DeadlineOptions, deadline } from './deadline.js';
export {
  type ErrorHandler,
  type ErrorHandlerOptions,
  type ErrorLogger,
  errorHandler,
  notFound,
} from './error-handler.js';
export { ProductionizeError } from './errors.js';
// The environment and the event loop
export { type ExpectNoSyncIoOptions, expectNoSyncIo } from './expect-no-sync-io.js';
export { type FatalErrorsOptions, type FatalEvent, fatalErrors } from './fatal-errors.js';
export {
  type GracefulShutdown,
  type GracefulShutdownOptions,
  gracefulShutdown,
  type HookOptions,
  onDrain,
  onShutdown,
  type ShutdownHook,
  type ShutdownLine,
  type ShutdownLog,
} from './graceful-shutdown.js';
export {
  type CheckResult,
  type HealthCheck,
  type HealthCheckOptions,
  type HealthChecks,
  type HealthChecksOptions,
  healthChecks,
  type LivenessThreadOptions,
} from './health-checks.js';
export type { DeadlineCounts, SheddingReason } from './lifecycle.js';
export {
  type LoadShedder,
  type LoadSheddingOptions,
  loadShedding,
  type SheddingLogEvent,
  type SheddingPriority,
} from './load-shedding.js';
// The request and its log
export { createLogDestination, type LogDestination, type LogDestinationOptions } from './log-destination.js';
export { createLogger, type LoggerOptions } from './logger.js';
export type { DebugBufferOptions } from './logging/log-buffer.js';
export { type LoggedError, serializeError } from './logging/log-error.js';
export {
  type LogLevelOptions,
  type LogLevelSignalOptions,
  setLogLevel,
  setLogLevelOnSignal,
} from './logging/log-level.js';
export { type MemoryStoreOptions, memoryStore } from './memory-store.js';
export { type PrecompressOptions, type PrecompressReport, precompress } from './precompress.js';
export {
  type Finding,
  type ProductionGuard,
  type ProductionGuardOptions,
  productionGuard,
} from './production-guard.js';
export { productionize, restore } from './productionize.js';
export type { AsyncErrorsOptions, ProductionizeOptions } from './productionize-options.js';
export {
  type RedisStore,
  type RedisStoreClient,
  type RedisStoreEvent,
  type RedisStoreOptions,
  redisStore,
} from './redis-store.js';
export {
  currentRequest,
  type RequestContext,
  type RequestContextOptions,
  requestContext,
} from './request-context.js';
export { type RequestLoggerOptions, requestLogger } from './request-logger.js';
export { type ResponseCache, type ResponseCacheOptions, responseCache } from './response-cache.js';
export { type SafeJson, safeJsonParse, stripPrototypeKeys } from './safe-json.js';
export { createServer, type ServerOptions } from './server.js';
// Static files
export { type StaticFilesOptions, staticFiles } from './static-files.js';
export { bindStreamErrors } from './stream-errors.js';
export type { BlockedLoop } from './sync-calls/blocked-loop.js';
export type { SyncIoGroup } from './sync-calls/sync-builtins.js';
export type { SyncIoFinding } from './sync-calls/sync-report.js';
export { detectSyncIo, type SyncIoDetector, type SyncIoOptions } from './sync-io-detector.js';
export { type InheritedSocket, inheritedSockets, notifySystemd } from './systemd.js';
