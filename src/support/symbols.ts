/**
 * Every symbol that copies of this package share: ESM beside CommonJS, or two versions in one dependency tree. They
 * are registered, so that nothing is patched, counted or warned about twice. What stands behind one is read by other
 * versions: whoever changes its shape gives it another name.
 */

// On objects of the app, of Express and of Node. Each names what carries it, its owner, and its other readers.

/** On a request: its {@link RequestContext}. support/context; read by the accessors of `req.id` and `req.log`. */
export const contextKey = Symbol.for('express-productionize/context');
/** On an app's request prototype: `req.id`, `req.log` and `req.signal` are installed. support/context. */
export const accessorsKey = Symbol.for('express-productionize/accessors');
/** On a server: the lifecycles of all apps that were seen on it. support/server-lifecycle. */
export const lifecyclesKey = Symbol.for('express-productionize/lifecycles');
/** On a socket: the pipelined responses that wait for those before them. support/pipelined-responses. */
export const waitingResponsesKey = Symbol.for('express-productionize/waiting-responses');
/** On a signal listener: it is of this package. support/signal-listeners. */
export const signalListenerKey = Symbol.for('express-productionize/signal-listener');
/**
 * On a function: it does the same with a text as with its bytes in UTF-8; Express always passes bytes. Set by
 * support/response-hooks and core/fast-path; read by core/fast-path.
 */
export const takesText = Symbol.for('express-productionize/takes-text');
/** On a server: its open connections. process/shutdown/connections. */
export const connectionsKey = Symbol.for('express-productionize/connections');
/** On a response: it is encoded. middleware/compression. */
export const encodingKey = Symbol.for('express-productionize/compression');
/** On a request context: its log line is taken care of. middleware/request-logger. */
export const loggedKey = Symbol.for('express-productionize/request-log');
/** On a middleware of `responseCache`: its `SharedCache`. middleware/response-cache; read by core/parts. */
export const sharedCacheKey = Symbol.for('express-productionize/shared-cache');
/**
 * On an app's response prototype: `res.send` takes streams. On the function there: the one that it replaced.
 * middleware/stream-errors; the latter is read by core/fast-path.
 */
export const wrappedSendKey = Symbol.for('express-productionize/send');
/** On a Layer prototype of Express: who observes it. core/express/layer-observer. */
export const layersKey = Symbol.for('express-productionize/layers');
/** On an app: its pipeline and report. core/report; read by core/productionize and preload. */
export const pipelineKey = Symbol.for('express-productionize/pipeline');
/** On an app: the classes of its requests and responses. core/fast-path. */
export const constructorsKey = Symbol.for('express-productionize/constructors');

// On `globalThis`, through `processWide`: one value per process.

/** The AsyncLocalStorage of request contexts. support/context; read by the worker thread of middleware/sync-io. */
export const requestStorageKey = Symbol.for('express-productionize/request-storage');
/** Codes and subjects that were warned about. support/errors. */
export const warningsKey = Symbol.for('express-productionize/warnings');
/** How deep the process is in bounded synchronous work. support/unobserved; read by middleware/sync-io. */
export const ownSyncWorkKey = Symbol.for('express-productionize/own-sync-work');
/** Lifecycles of all apps that were seen on a server. support/live-apps. */
export const liveAppsKey = Symbol.for('express-productionize/live-apps');
/** Called with a fatal error when the drain begins. support/fatal-hooks; called by process/fatal-errors. */
export const fatalHooksKey = Symbol.for('express-productionize/fatal-hooks');
/** Encodings of stored bodies. support/encoding; read by middleware/compression and middleware/response-cache. */
export const storedEncodingsKey = Symbol.for('express-productionize/stored-encodings');
/** Responses for which an error response was begun. support/error-response. */
export const errorResponsesKey = Symbol.for('express-productionize/error-responses');
/** Loggers whose lines need no serializer. logging/plain-line. */
export const plainLoggersKey = Symbol.for('express-productionize/plain-loggers');
/** The listeners for the end of the process that all log destinations share. logging/log-exit. */
export const logExitKey = Symbol.for('express-productionize/log-exit');
/** The one log destination on stdout. logging/logger. */
export const logStdoutKey = Symbol.for('express-productionize/log-stdout');
/** The levels of loggers, and what overrides them. logging/log-level. */
export const logLevelsKey = Symbol.for('express-productionize/log-levels');
/** The one `pipe` listener of all responses. middleware/stream-errors. */
export const onPipeKey = Symbol.for('express-productionize/on-pipe');
/** What was piped into what. middleware/stream-errors/pipe-sources. */
export const pipeSourcesKey = Symbol.for('express-productionize/pipe-sources');
/** The streams that are piped into each response. middleware/stream-errors/response-sources. */
export const responseSourcesKey = Symbol.for('express-productionize/response-sources');
/** The replaced builtins and who observes them. middleware/sync-io/sync-builtins. */
export const syncCallsKey = Symbol.for('express-productionize/sync-calls');
/** Who ends the process after a fatal error. process/fatal-errors. */
export const fatalErrorsKey = Symbol.for('express-productionize/fatal-errors');
/** The environment that PM2 gave. process/orchestrator. */
export const pm2EnvironmentKey = Symbol.for('express-productionize/pm2-environment');
/** Servers that listen and are not ready. process/shutdown/readiness. */
export const readinessKey = Symbol.for('express-productionize/readiness');
/** Hooks of `onDrain` and `onShutdown`. process/shutdown/hooks. */
export const shutdownHooksKey = Symbol.for('express-productionize/shutdown-hooks');
/** Who listens for the signals that end the process. process/shutdown/signals. */
export const shutdownSignalsKey = Symbol.for('express-productionize/shutdown-signals');
/** Servers that are shut down when the process ends, and its end while it lasts. process/shutdown/ending. */
export const shutdownKey = Symbol.for('express-productionize/shutdown');
/** The link to the service manager, and what it was sent. process/systemd/service-manager. */
export const serviceManagerKey = Symbol.for('express-productionize/service-manager');
/** The listening sockets that the service manager passed. process/systemd/inherited-sockets. */
export const inheritedSocketsKey = Symbol.for('express-productionize/inherited-sockets');
/** The undo of the agent through which a worker speaks with its primary. process/cluster/worker-agent. */
export const clusterAgentKey = Symbol.for('express-productionize/cluster-agent');
/** The undo of the preload. preload/serving-hooks. */
export const servingHooksKey = Symbol.for('express-productionize/serving-hooks');

// Of other packages.

/** On a stream: pino sets the level and the time of each line on it. Read by middleware/request-logger. */
export const pinoMetadata = Symbol.for('pino.metadata');
/** On `globalThis`: the listeners of `signal-exit` 4. Read by support/signal-listeners. */
export const signalExitEmitter = Symbol.for('signal-exit emitter');
