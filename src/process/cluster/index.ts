import cluster from 'node:cluster';
import { createLogger } from '../../logging/logger.js';
import { debugFor } from '../../support/debug.js';
import { defaultToProduction } from '../../support/environment.js';
import { ProductionizeError, quote } from '../../support/errors.js';
import { adaptLogger } from '../../support/logger-adapter.js';
import {
  type Check,
  checkOptions,
  isBoolean,
  isInteger,
  isMilliseconds,
  isString,
} from '../../support/options.js';
import { isPartLogger, type PartLogger } from '../../support/part-logger.js';
import { clusterDefaults } from './cluster-defaults.js';
import { isMemoryLimit } from './memory-limit.js';
import { type Cluster, startPrimary } from './primary.js';
import { removeEmptyArgument } from './single-executable.js';
import { listenSticky, type StickyOptions, serveSticky } from './sticky.js';
import { watchTerminal } from './terminal.js';
import { startAgent } from './worker-agent.js';
import { chooseWorkers, maxWorkers } from './worker-count.js';
import { isOurWorker } from './worker-protocol.js';

const debug = debugFor('cluster');

/** Options of {@link runCluster}. */
export interface ClusterOptions {
  /**
   * The number of workers; `'max'` is one for each CPU available. With one worker there is no cluster: `start` runs in
   * this process.
   * @default `WEB_CONCURRENCY`, else the CPUs available to this process, by affinity and control group
   */
  readonly workers?: number | 'max';
  /**
   * Milliseconds in which a worker must finish its requests and exit, before it is killed.
   * @default the grace period of the process manager, or the longest shutdown of the worker if that is longer
   */
  readonly drainMs?: number;
  /** Milliseconds from the fork of a worker until it must be ready, before it is killed. @default 60000 */
  readonly startMs?: number;
  /**
   * Milliseconds without a heartbeat after which a worker is killed and replaced; 0 disables the check.
   * @default 30000
   */
  readonly stuckMs?: number;
  /**
   * Failed starts in a row, while no worker serves, after which the primary exits with code 1. It exits immediately
   * when every start must fail, such as with a syntax error in the first start.
   * @default 10
   */
  readonly maxFailedStarts?: number;
  /**
   * The memory of all workers and the primary above which the largest worker is replaced, without losing a request: a
   * fraction of the limit of the control group, or a number of bytes; `false` disables the check. Pages that processes
   * share do not count. At most one worker is replaced each minute.
   * @default 0.9, which has no effect without a limit of the control group
   */
  readonly maxMemory?: number | false;
  /** Whether `express-productionize status`, `reload`, `scale` and `stop` can reach this cluster. @default true */
  readonly control?: boolean;
  /**
   * The directory of the control socket, owned by this user, with mode 700.
   * @default `EXPRESS_PRODUCTIONIZE_RUNTIME_DIR`, else the user's runtime directory, else one in the temporary
   * directory
   */
  readonly runtimeDir?: string;
  /**
   * A name for this cluster, which `express-productionize status` prints and the other commands accept.
   * @default none
   */
  readonly name?: string;
  /**
   * Sends all requests of a socket.io session to one worker, as long polling requires. The primary listens, and `start`
   * returns the socket.io server. Requires the package `@socket.io/sticky`.
   * @default undefined, Node's round robin
   */
  readonly sticky?: StickyOptions;
  /** The logger of the primary. It receives starts, deaths with their cause, and reloads. @default createLogger() */
  readonly logger?: PartLogger;
}

const isSticky: Check = (value) => {
  const { port, host } = Object(value) as Record<string, unknown>;
  const good =
    isInteger('', 0, 65_535)(port) === undefined && (host === undefined || isString(host) === undefined);
  return good ? undefined : '{ port, host? } with a port from 0 to 65535';
};

/**
 * Runs `start` in one worker process per CPU. A worker that dies is logged with its cause and replaced. The replacement
 * is immediate, or waits for a growing time while workers die soon after their start. A worker that hangs is killed and
 * replaced. SIGHUP replaces all workers one by one without losing a request. SIGTERM and SIGINT drain them and exit.
 * `NODE_ENV` becomes `production` where it is not set. Sources: "Run your app in a cluster" and "Ensure your app
 * automatically restarts" (https://expressjs.com/en/advanced/best-practice-performance.html),
 * https://nodejs.org/api/cluster.html.
 *
 * Resolves with the cluster in the primary. Resolves with `undefined` in a worker, and in a process that runs without a
 * cluster because there is one worker.
 *
 * @throws ProductionizeError when an option is invalid, or the package for `sticky` is not installed.
 * @example
 * await runCluster(() => productionize(express()).listen(3000))
 */
export async function runCluster(
  start: () => unknown,
  options?: ClusterOptions,
): Promise<Cluster | undefined> {
  if (typeof start !== 'function') {
    throw new ProductionizeError(
      'ERR_PRODUCTIONIZE_CLUSTER',
      `runCluster: expected a function that starts the app, got ${quote(start)}. Wrap it: runCluster(() => app.listen(3000)).`,
    );
  }
  const { workers, sticky, logger, ...given } = checkOptions<ClusterOptions>('runCluster', options, {
    workers: (value) => (value === 'max' ? undefined : isInteger('workers', 1, maxWorkers)(value)),
    drainMs: isMilliseconds(1),
    startMs: isMilliseconds(1),
    stuckMs: isMilliseconds(),
    maxFailedStarts: isInteger('starts', 1),
    maxMemory: isMemoryLimit,
    control: isBoolean,
    runtimeDir: isString,
    name: isString,
    sticky: isSticky,
    logger: isPartLogger,
  });

  if (isOurWorker()) {
    removeEmptyArgument();
    startAgent({ sticky: sticky !== undefined });
    const started = await start();
    if (sticky) await serveSticky(started);
    return undefined;
  }
  if (cluster.isWorker) {
    debug(() => ['another cluster runs this process: it decides on the workers']);
    await start();
    return undefined;
  }
  const count = chooseWorkers(workers, process.env.WEB_CONCURRENCY);
  if (count.count === 1 && !sticky) {
    debug(() => ['one worker (%s): no cluster', count.reason]);
    defaultToProduction();
    ignoreReload();
    await start();
    return undefined;
  }
  const log = adaptLogger(logger ?? createLogger());
  const shared = sticky && (await listenSticky(sticky));
  if (shared) log.info({ port: shared.port }, `cluster: the primary listens on port ${shared.port}`);
  return startPrimary({
    ...clusterDefaults,
    ...given,
    workers: count,
    log,
    traffic: shared?.traffic,
  });
}

/** Ignores SIGHUP, which by default ends the process and its open requests. No second worker could serve meanwhile. */
function ignoreReload(): void {
  const terminalIsGone = watchTerminal();
  process.on('SIGHUP', () => {
    if (terminalIsGone()) process.kill(process.pid, 'SIGTERM');
    else
      createLogger().warn(
        'SIGHUP: one worker runs without a cluster and is not reloaded; restart the process',
      );
  });
}
