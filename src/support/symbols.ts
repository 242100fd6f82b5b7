/**
 * Every symbol that copies of this package share: ESM and CommonJS, or two versions in one dependency tree. The symbols
 * are registered, so that nothing is patched, counted or warned about twice. Other versions read the value under a
 * symbol. A change of its shape therefore requires another name.
 */

// These are on objects of the app, of Express and of Node. Each comment states the object, the owner of the
// symbol, and its other readers.

/** On a request: its {@link RequestContext}. support/context; read by the accessors of `req.id` and `req.log`. */
export const contextKey = Symbol.for('express-productionize/context');
/** On an app's request prototype: marks that `req.id`, `req.log` and `req.signal` are installed. support/context. */
export const accessorsKey = Symbol.for('express-productionize/accessors');
/** On a server: the lifecycles of all apps that were seen on it. support/server-lifecycle. */
export const lifecyclesKey = Symbol.for('express-productionize/lifecycles');
/** On a socket: the pipelined responses that wait for earlier ones. support/pipelined-responses. */
export const waitingResponsesKey = Symbol.for('express-productionize/waiting-responses');
/** On an app's response prototype: marks that `detachSocket` is replaced. support/pipelined-responses. */
export const detachSocketKey = Symbol.for('express-productionize/detach-socket');
/** On a signal listener: marks it as one of this package. support/signal-listeners. */
export const signalListenerKey = Symbol.for('express-productionize/signal-listener');
/**
 * On a function: marks that a text has the same effect as its bytes in UTF-8; Express always passes bytes. Set by
 * support/response-hooks and core/fast-path; read by core/fast-path.
 */
export const takesText = Symbol.for('express-productionize/takes-text');
/** On a server: its open connections. process/shutdown/connections. */
export const connectionsKey = Symbol.for('express-productionize/connections');
/** On a response: marks it as encoded. middleware/compression. */
export const encodingKey = Symbol.for('express-productionize/compression');
/** On a request context: marks that a request logger writes its log line. middleware/request-logger. */
export const loggedKey = Symbol.for('express-productionize/request-log');
/** On a response without the context of a productionized app: when its request began. middleware/metrics. */
export const measuredKey = Symbol.for('express-productionize/measured');
/** On a middleware of `healthChecks`: marks it. middleware/health-checks; read by core/express. */
export const healthChecksKey = Symbol.for('express-productionize/health-checks');
/** On a middleware of `responseCache`: its `SharedCache`. middleware/response-cache; read by core/parts. */
export const sharedCacheKey = Symbol.for('express-productionize/shared-cache');
/**
 * On an app's response prototype: marks that `res.send` accepts streams. On that function: the one that it replaced.
 * middleware/stream-errors; the latter is read by core/fast-path.
 */
export const wrappedSendKey = Symbol.for('express-productionize/send');
/** On a Layer prototype of Express: the patch that observes its layers. core/express/layer-observer. */
export const layersKey = Symbol.for('express-productionize/layers');
/** On an app: its pipeline and report. core/report; read by core/productionize and preload. */
export const pipelineKey = Symbol.for('express-productionize/pipeline');
/** On an app: the classes of its requests and responses. core/fast-path. */
export const constructorsKey = Symbol.for('express-productionize/constructors');

// These are on `globalThis`, set through `processWide`: one value per process.

/** The AsyncLocalStorage of request contexts. support/context; read by the worker thread of middleware/sync-io. */
export const requestStorageKey = Symbol.for('express-productionize/request-storage');
/** Codes and subjects that were warned about. support/errors. */
export const warningsKey = Symbol.for('express-productionize/warnings');
/** The nesting depth of limited synchronous work. support/unobserved; read by middleware/sync-io. */
export const ownSyncWorkKey = Symbol.for('express-productionize/own-sync-work');
/** Lifecycles of all apps that were seen on a server. support/live-apps. */
export const liveAppsKey = Symbol.for('express-productionize/live-apps');
/**
 * Functions that are called with a fatal error when the drain begins. support/fatal-hooks; called by
 * process/fatal-errors.
 */
export const fatalHooksKey = Symbol.for('express-productionize/fatal-hooks');
/** Encodings of stored bodies. support/encoding; read by middleware/compression and middleware/response-cache. */
export const storedEncodingsKey = Symbol.for('express-productionize/stored-encodings');
/** Responses for which an error response was begun. support/error-response. */
export const errorResponsesKey = Symbol.for('express-productionize/error-responses');
/** Loggers whose lines need no serializer. logging/plain-line. */
export const plainLoggersKey = Symbol.for('express-productionize/plain-loggers');
/** The listeners for the end of the process, which all log destinations share. logging/log-exit. */
export const logExitKey = Symbol.for('express-productionize/log-exit');
/** The log destination on stdout. logging/logger. */
export const logStdoutKey = Symbol.for('express-productionize/log-stdout');
/** Whether lines on a terminal are formatted in production, too. logging/terminal-lines; set by cli/start and preload. */
export const readableLogKey = Symbol.for('express-productionize/readable-log');
/** The levels of loggers and their overrides. logging/log-level. */
export const logLevelsKey = Symbol.for('express-productionize/log-levels');
/** The loggers of all apps, for the task that changes their level. logging/app-loggers. */
export const appLoggersKey = Symbol.for('express-productionize/app-loggers');
/** The `pipe` listener that all responses share. middleware/stream-errors. */
export const onPipeKey = Symbol.for('express-productionize/on-pipe');
/** The stream that was last piped into each stream. middleware/stream-errors/pipe-sources. */
export const pipeSourcesKey = Symbol.for('express-productionize/pipe-sources');
/** The streams that are piped into each response. middleware/stream-errors/response-sources. */
export const responseSourcesKey = Symbol.for('express-productionize/response-sources');
/** The replaced builtins and the listeners for their calls. middleware/sync-io/sync-builtins. */
export const syncCallsKey = Symbol.for('express-productionize/sync-calls');
/** The state of the process listeners for fatal errors. process/fatal-errors. */
export const fatalErrorsKey = Symbol.for('express-productionize/fatal-errors');
/** The environment that PM2 set. process/orchestrator. */
export const pm2EnvironmentKey = Symbol.for('express-productionize/pm2-environment');
/** Servers that listen and are not ready. process/shutdown/readiness. */
export const readinessKey = Symbol.for('express-productionize/readiness');
/** Hooks of `onDrain` and `onShutdown`. process/shutdown/hooks. */
export const shutdownHooksKey = Symbol.for('express-productionize/shutdown-hooks');
/** The state of the listeners for the signals that end the process. process/shutdown/signals. */
export const shutdownSignalsKey = Symbol.for('express-productionize/shutdown-signals');
/** Servers that are shut down when the process ends, and the shutdown that is in progress. process/shutdown/ending. */
export const shutdownKey = Symbol.for('express-productionize/shutdown');
/** The connection to the service manager, and the state that was sent to it. process/systemd/service-manager. */
export const serviceManagerKey = Symbol.for('express-productionize/service-manager');
/** The listening sockets that the service manager passed. process/systemd/inherited-sockets. */
export const inheritedSocketsKey = Symbol.for('express-productionize/inherited-sockets');
/**
 * Whether this worker reports to its primary.
 * process/cluster/worker-agent.
 */
export const clusterAgentKey = Symbol.for('express-productionize/cluster-agent');
/** The tasks that the primary can request from this worker. support/worker-tasks; run by process/cluster. */
export const workerTasksKey = Symbol.for('express-productionize/worker-tasks');
/** What the parts count for metrics. support/metrics/counts. */
export const metricCountsKey = Symbol.for('express-productionize/metric-counts');
/** The recorder of requests for metrics, which all apps of the process share. middleware/metrics. */
export const requestRecorderKey = Symbol.for('express-productionize/request-recorder');
/** The measures of the event loop and the garbage collection for metrics. middleware/metrics. */
export const runtimeMeasuresKey = Symbol.for('express-productionize/runtime-measures');
/** The registries of the app that are served with our metrics. middleware/metrics. */
export const metricRegistriesKey = Symbol.for('express-productionize/metric-registries');
/** The open ports of metrics, and how a worker has its primary open them. support/metrics/open-metrics. */
export const openMetricsKey = Symbol.for('express-productionize/open-metrics');
/** The function that removes the preload. preload/serving-hooks. */
export const servingHooksKey = Symbol.for('express-productionize/serving-hooks');

/** On a middleware of `staticFiles`: its directory. Read by deploy/facts. */
export const staticRootKey = Symbol.for('express-productionize/static-root');

// These are symbols of other packages.

/** On a stream: makes pino set the level and the time of each line on it. Read by middleware/request-logger. */
export const pinoMetadata = Symbol.for('pino.metadata');
/** On `globalThis`: the listeners of `signal-exit` 4. Read by support/signal-listeners. */
export const signalExitEmitter = Symbol.for('signal-exit emitter');
/** On `globalThis`: the state of OpenTelemetry's API 1. Read by support/context/current-span. */
export const otelApi = Symbol.for('opentelemetry.js.api.1');
/** The key of the current span in a context of OpenTelemetry. Read by support/context/current-span. */
export const otelSpan = Symbol.for('OpenTelemetry Context Key SPAN');
