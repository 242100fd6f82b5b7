import type { Server } from 'node:http';
import { readEnvironment } from '../../support/environment.js';
import { warnOnce } from '../../support/errors.js';
import { adaptLogger, type LoggerAdapter } from '../../support/logger-adapter.js';
import {
  type Check,
  checkOptions,
  hasMethods,
  isBoolean,
  isInteger,
  isMilliseconds,
} from '../../support/options.js';
import { clusterWorker } from '../../support/parent-process.js';
import { isPartLogger, type PartLogger } from '../../support/part-logger.js';
import { findOrchestrator, marginOf, type Orchestrator, warnOfNpmStart } from '../orchestrator/index.js';
import { hasServiceManager } from '../systemd/service-manager.js';

/** Options of `gracefulShutdown`. */
export interface GracefulShutdownOptions {
  /**
   * Milliseconds in which requests are still accepted after the signal, because a load balancer sends some. Readiness
   * is 503 immediately.
   * @default 5000 in Kubernetes and ECS, else 0; 0 where NODE_ENV is not production
   */
  readonly delayMs?: number;
  /**
   * Milliseconds from the end of the delay until open requests are closed and the process exits 1.
   * @default the orchestrator's grace less the delay and a margin (5 %, 300 ms to 1 s). 500 where NODE_ENV is not
   * production and none of PM2, Kubernetes, ECS and systemd is found, so that `node --watch` restarts quickly
   */
  readonly timeoutMs?: number;
  /**
   * Milliseconds between the orchestrator's signal and its SIGKILL.
   * @default the value of PM2 or the systemd unit; else 30000 in Kubernetes and ECS, 90000 under systemd, 1600 under
   * PM2, and 10000 elsewhere
   */
  readonly graceMs?: number;
  /**
   * Milliseconds without activity after which idle connections are closed. The time starts when the listener is closed
   * and no request is in flight.
   * @default 30; 500 in a cluster worker and under PM2, where other workers serve meanwhile
   */
  readonly quietMs?: number;
  /**
   * The number of requests after which a connection is closed, which its last response announces with `Connection:
   * close`. Clients then spread over new workers. 0 is no limit. Connections of HTTP/2 have none.
   * @default 1000 in a cluster worker, 0 elsewhere; `maxRequestsPerSocket` of the server where the app set it
   */
  readonly maxRequestsPerConnection?: number;
  /** Servers that respond until the process exits, such as one for health checks and metrics. @default [] */
  readonly adminServers?: Server | readonly Server[];
  /**
   * Whether PM2 with `wait_ready`, the primary of a cluster and systemd with `Type=notify` are notified when the
   * servers listen and their health checks pass.
   * @default true
   */
  readonly ready?: boolean;
  /**
   * Receives the lines about the shutdown, with the `reason` and the `open` requests by method and route pattern.
   * @default one line each on stderr; inside `productionize` the app's logger
   */
  readonly logger?: PartLogger;
}

/** The options of one shutdown, checked and filled in. */
export interface ShutdownSettings
  extends Required<
    Pick<
      GracefulShutdownOptions,
      'delayMs' | 'timeoutMs' | 'quietMs' | 'maxRequestsPerConnection' | 'ready' | 'logger'
    >
  > {
  /** The manager that stops the process; `graceMs` is its wait before SIGKILL in milliseconds. */
  readonly orchestrator: Orchestrator['name'];
  readonly graceMs: number;
  readonly adminServers: ReadonlySet<Server>;
  readonly flush: () => Promise<void>;
}

const managers: ReadonlySet<Orchestrator['name']> = new Set(['PM2', 'Kubernetes', 'ECS', 'systemd']);
/** Milliseconds for open requests when `node --watch` or a similar tool restarts the app. */
export const developmentMs = 500;

/** Whether NODE_ENV is not production and no process manager is found. */
export function isDevelopment({ name }: Orchestrator = findOrchestrator()): boolean {
  return readEnvironment().mode !== 'production' && !managers.has(name);
}

export const isServer = hasMethods('a server', 'close', 'on');

const isServers: Check = (value) =>
  [value].flat().every((item) => isServer(item) === undefined)
    ? undefined
    : 'a server or an array of servers';

export const optionChecks = {
  delayMs: isMilliseconds(),
  timeoutMs: isMilliseconds(),
  graceMs: isMilliseconds(1),
  quietMs: isMilliseconds(),
  maxRequestsPerConnection: isInteger('requests'),
  adminServers: isServers,
  ready: isBoolean,
  logger: isPartLogger,
};

/** Checks the options of `gracefulShutdown` and fills in the defaults of the environment. */
export function resolveShutdown(
  options?: GracefulShutdownOptions,
  appLogger?: LoggerAdapter,
): ShutdownSettings {
  const orchestrator = findOrchestrator();
  if (clusterWorker() === undefined) warnOfNpmStart();
  const managed = orchestrator.name === 'PM2' || clusterWorker() !== undefined;
  const given = checkOptions('gracefulShutdown', options, optionChecks);
  const graceMs = given.graceMs ?? orchestrator.graceMs;
  const usualDelay = readEnvironment().mode === 'production' ? orchestrator.delayMs : 0;
  const inDevelopment = given.graceMs === undefined && isDevelopment(orchestrator);
  const { delayMs = usualDelay, quietMs = managed ? 500 : 30, ready = true } = given;
  const logger = adaptLogger(given.logger ?? stderrLogger);
  const { timeoutMs = inDevelopment ? developmentMs : Math.max(0, graceMs - delayMs - marginOf(graceMs)) } =
    given;
  const isKnown = orchestrator.stated || given.graceMs !== undefined;
  // with `Type=notify`, systemd is sent a request to extend its stop timeout instead
  if (delayMs + timeoutMs > graceMs && isKnown && !hasServiceManager()) {
    warnOnce(
      'ERR_PRODUCTIONIZE_GRACE',
      `gracefulShutdown may take ${delayMs + timeoutMs} ms (delayMs ${delayMs} + timeoutMs ${timeoutMs}), but ${
        given.graceMs === undefined ? orchestrator.name : 'the orchestrator'
      } kills the process after ${graceMs} ms. Shorten them or raise its limit.`,
    );
  }
  const adminServers = new Set([given.adminServers ?? []].flat() as Server[]);
  return {
    orchestrator: orchestrator.name,
    graceMs,
    delayMs,
    timeoutMs,
    quietMs,
    maxRequestsPerConnection: given.maxRequestsPerConnection ?? (clusterWorker() ? 1000 : 0),
    ready,
    logger,
    adminServers,
    async flush() {
      const loggers = new Set([logger, appLogger ?? logger]);
      await Promise.all([...loggers].map((each) => each.flush()));
    },
  };
}

function printLine(_fields: object, message: string): void {
  process.stderr.write(`${message}\n`);
}

const stderrLogger: PartLogger = { info: printLine, warn: printLine, error: printLine };
