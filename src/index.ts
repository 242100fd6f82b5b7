export { wrapAsync } from './async-errors.js';
export type { BlockedLoop } from './blocked-loop.js';
export { bodyGuard } from './body-guard.js';
export { type CompressionOptions, compression } from './compression.js';
export { compressibleType } from './compression-decision.js';
export { type ConditionReport, conditionReport, type PartCondition } from './condition-report.js';
export type { Encoding } from './encoders.js';
export { type ErrorHandler, type ErrorHandlerOptions, errorHandler, notFound } from './error-handler.js';
export type { ErrorLogger } from './error-report.js';
export { ProductionizeError } from './errors.js';
export { type ExpectNoSyncIoOptions, expectNoSyncIo } from './expect-no-sync-io.js';
export { type FatalErrorsOptions, type FatalEvent, fatalErrors } from './fatal-errors.js';
export type { DebugBufferOptions } from './log-buffer.js';
export { createLogDestination, type LogDestination, type LogDestinationOptions } from './log-destination.js';
export { type LoggedError, serializeError } from './log-error.js';
export {
  type LogLevelOptions,
  type LogLevelSignalOptions,
  setLogLevel,
  setLogLevelOnSignal,
} from './log-level.js';
export { createLogger, type LoggerOptions } from './logger.js';
export type { AsyncErrorsOptions, ProductionizeOptions } from './parts.js';
export {
  type Finding,
  type ProductionGuard,
  type ProductionGuardOptions,
  productionGuard,
} from './production-guard.js';
export { productionize, restore } from './productionize.js';
export { currentRequest, type RequestContextOptions, requestContext } from './request-context.js';
export { type RequestLoggerOptions, requestLogger } from './request-logger.js';
export { type SafeJson, safeJsonParse, stripPrototypeKeys } from './safe-json.js';
export { createServer, type ServerOptions } from './server.js';
export { bindStreamErrors } from './stream-errors.js';
export type { SyncIoGroup } from './sync-builtins.js';
export { detectSyncIo, type SyncIoDetector, type SyncIoOptions } from './sync-io-detector.js';
export type { SyncIoFinding } from './sync-report.js';
