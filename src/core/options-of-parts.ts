import type { PartLogger } from '../support/part-logger.js';
import type { ProductionizeOptions } from './productionize-options.js';

type OptionsOf<Part extends keyof ProductionizeOptions> = Exclude<
  NonNullable<ProductionizeOptions[Part]>,
  boolean | PartLogger | ((...args: never[]) => unknown)
>;

/** The options of each part. The compiler reports an error when one is missing. */
export const optionsOfParts: {
  readonly [Part in keyof Required<ProductionizeOptions>]: [OptionsOf<Part>] extends [never]
    ? Readonly<Record<string, never>>
    : { readonly [Name in keyof Required<OptionsOf<Part>>]: 1 };
} = {
  fastPath: {},
  productionGuard: { mode: 1 },
  healthChecks: {
    livePath: 1,
    readyPath: 1,
    startupPath: 1,
    checks: 1,
    timeoutMs: 1,
    cacheMs: 1,
    details: 1,
    adminPort: 1,
    sheddingMs: 1,
    degradedMs: 1,
    livenessThread: 1,
    onChange: 1,
  },
  loadShedding: {
    maxWaitMs: 1,
    sustainedMs: 1,
    startupMs: 1,
    retryAfterSeconds: 1,
    priority: 1,
    exemptPaths: 1,
    logger: 1,
  },
  requestContext: { requestIdHeader: 1, trustRequestId: 1 },
  logger: { level: 1, destination: 1, redact: 1, base: 1, levelSignal: 1, levelSignalMs: 1 },
  requestLogger: {
    silentPaths: 1,
    headers: 1,
    redactQuery: 1,
    abortedStatus: 1,
    collapseErrorsAbove: 1,
    bufferDebug: 1,
  },
  deadline: { afterMs: 1, retryAfterSeconds: 1 },
  detectSyncIo: { enabled: 1, apis: 1, minMs: 1, ignore: 1, onFinding: 1, blockedLoopMs: 1 },
  streamErrors: {},
  compression: {
    encodings: 1,
    levels: 1,
    threshold: 1,
    syncLimitBytes: 1,
    cacheBytes: 1,
    filter: 1,
    breach: 1,
  },
  cache: {
    store: 1,
    maxBytes: 1,
    maxEntryBytes: 1,
    query: 1,
    cookies: 1,
    ttlSeconds: 1,
    waitMs: 1,
    storeTimeoutMs: 1,
    statuses: 1,
    tags: 1,
    requestDirectives: 1,
    cacheStatus: 1,
  },
  bodyGuard: {},
  asyncErrors: { noResponseMs: 1 },
  errorHandler: { exposeStack: 1, logger: 1 },
  fatalErrors: { drainMs: 1, reportMs: 1, logger: 1, respond: 1 },
  gracefulShutdown: {
    delayMs: 1,
    timeoutMs: 1,
    graceMs: 1,
    quietMs: 1,
    maxRequestsPerConnection: 1,
    adminServers: 1,
    ready: 1,
    logger: 1,
  },
};
