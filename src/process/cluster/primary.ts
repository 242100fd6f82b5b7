import cluster, { type ClusterSettings } from 'node:cluster';
import { defaultToProduction } from '../../support/environment.js';
import { ProductionizeError, quote, warnOnce } from '../../support/errors.js';
import { isInteger } from '../../support/options.js';
import { findOrchestrator, warnOfNpmStart } from '../orchestrator/index.js';
import { inheritedSockets } from '../systemd/inherited-sockets.js';
import {
  attachServiceManager,
  notifyServiceReady,
  notifyServiceStatus,
  notifyServiceStopping,
} from '../systemd/service-manager.js';
import { plural } from './cluster-log.js';
import { ClusterMetrics } from './cluster-metrics.js';
import { statusOf } from './cluster-status.js';
import type { ClusterStatus } from './control-protocol.js';
import { openControl } from './control-requests.js';
import { logicalDirectory, logicalPath } from './logical-directory.js';
import { replaceLargeWorkers } from './memory-limit.js';
import { Pool, type PoolSettings } from './pool.js';
import { Reloader, type ReloadResult } from './rolling-reload.js';
import { socketsForWorkers, watchInheritedSockets } from './shared-sockets.js';
import { singleExecutableSettings } from './single-executable.js';
import { riskWarnings } from './single-process-risks.js';
import { onStopSignals } from './stop-signals.js';
import { watchTerminal } from './terminal.js';
import { chooseWorkers, maxWorkers, type WorkerCount } from './worker-count.js';
import { primaryVariable, readyMessage, sendToParent } from './worker-protocol.js';

/** Settings of a primary, with every option resolved. */
export interface PrimarySettings
  extends Pick<PoolSettings, 'drainMs' | 'startMs' | 'stuckMs' | 'maxFailedStarts' | 'log' | 'traffic'> {
  readonly workers: WorkerCount;
  readonly maxMemory: number | false;
  readonly runtimeDir?: string;
  readonly name?: string;
  readonly control: boolean;
  /** Settings of the fork, where workers do not run the script of this process. */
  readonly fork?: ClusterSettings;
}

/** A running cluster, in the process of its primary. */
export interface Cluster {
  /** Resolves when all workers are ready for the first time. */
  readonly ready: Promise<void>;
  /** Returns the state of the cluster and its workers. */
  status(): ClusterStatus;
  /** Replaces all workers one by one, without losing a request. Rejects when a new worker does not become ready. */
  reload(): Promise<ReloadResult>;
  /** Changes the number of workers; `max` is the number of CPUs available. Throws a ProductionizeError for others. */
  scale(workers: number | 'max'): void;
  /** Drains all workers and exits: with code 0 when all exited in time, else 1. */
  stop(): Promise<void>;
}

/** Starts the workers, the signal listeners, the control socket and the check of heartbeats. */
export function startPrimary(settings: PrimarySettings): Cluster {
  const { log, workers, name = null } = settings;
  defaultToProduction();
  warnOfNpmStart();
  // A primary that accepts for its workers loses, when it exits, the connections that it has not passed on.
  // When the workers accept, connections wait in the queue of the inherited socket for the next process.
  if (inheritedSockets().length > 0) cluster.schedulingPolicy = cluster.SCHED_NONE;
  // the directory is set by its name, so that a reload follows a link that a deployment has changed
  const fork = settings.fork ?? singleExecutableSettings() ?? scriptSettings();
  cluster.setupPrimary({ cwd: logicalDirectory(), ...fork } as ClusterSettings);
  const script = settings.fork?.exec ?? process.argv[1] ?? 'node';
  log.info(
    { workers: workers.count, script, ...(name && { name }) },
    `cluster: ${plural(workers.count)} (${workers.reason})`,
  );

  attachServiceManager();
  const sendWorkerCount = (): void => notifyServiceStatus(`${pool.ready} of ${pool.target} workers ready`);

  let closeControl = (): void => {};
  const exit = (code: number): never => {
    closeControl();
    process.exit(code);
  };
  let resolveReady = (): void => {};
  const ready = new Promise<void>((resolve) => {
    resolveReady = resolve;
  });

  const pool = new Pool({
    ...settings,
    target: workers.count,
    environment: { [primaryVariable]: String(process.pid), ...socketsForWorkers() },
    onGiveUp(reason, lastError) {
      log.error({ lastError }, `cluster: ${reason}, giving up: ${lastError}`);
      pool.kill('the cluster gives up');
      exit(1);
    },
    onRisk(risk) {
      const warning = riskWarnings[risk];
      if (warning) warnOnce(warning.code, warning.message(pool.target));
    },
    onReady() {
      sendWorkerCount();
      if (pool.ready < pool.target) return;
      resolveReady();
      resolveReady = () => {};
    },
  });
  const reloader = new Reloader(pool, log);
  const metrics = new ClusterMetrics(pool, log);
  replaceLargeWorkers({ pool, reloader, maxMemory: settings.maxMemory, log });

  let stopped: Promise<void> | undefined;
  const stop = (reason: string): Promise<void> => {
    stopped ??= (async () => {
      log.info({ reason }, `cluster: ${reason}, draining ${pool.workers.size} workers`);
      notifyServiceStopping(reason, pool.drainMs);
      const clean = await pool.stop();
      log.info(
        { clean },
        clean ? 'cluster: all workers exited' : 'cluster: not all workers exited on their own',
      );
      exit(clean ? 0 : 1);
    })();
    return stopped;
  };
  const handle: Cluster = {
    ready,
    status: () => statusOf(pool, reloader, { name, script }),
    reload: () => reloader.reload(),
    scale(count) {
      const target = count === 'max' ? chooseWorkers('max').count : count;
      const expected = isInteger('workers', 1, maxWorkers)(target);
      if (expected) {
        throw new ProductionizeError(
          'ERR_PRODUCTIONIZE_OPTION',
          `scale: expected ${expected}, got ${quote(count)}.`,
        );
      }
      log.info({ from: pool.target, to: target }, `cluster: scaling to ${plural(target)}`);
      pool.scale(target);
    },
    stop: () => stop('stop was called'),
  };

  onStopSignals(
    (signal) => void stop(signal),
    (signal) => {
      log.error({ signal }, `cluster: ${signal} again, exiting immediately`);
      pool.kill(`${signal} was repeated`);
      exit(1);
    },
  );
  if (process.env.npm_lifecycle_event !== undefined) {
    // npm neither waits for its script nor ends it when npm itself is killed
    const parent = process.ppid;
    setInterval(() => process.ppid === parent || void stop('the package manager is gone'), 1000).unref();
  }
  const terminalIsGone = watchTerminal();
  process.on('SIGHUP', () => {
    if (terminalIsGone()) void stop('the terminal was closed');
    // a failed reload is logged, and the old workers continue to serve
    else reloader.reload().catch(() => {});
  });
  if (settings.control) {
    openControl(settings.runtimeDir, {
      pool,
      metrics,
      reloader,
      stop,
      status: handle.status,
      scale: handle.scale,
    }).then(
      (close) => {
        closeControl = close;
      },
      (error: Error) => warnOnce('ERR_PRODUCTIONIZE_CLUSTER_CONTROL', error.message),
    );
  }
  // a process manager may wait for this message, as it does for a single process
  void ready.then(() => {
    notifyServiceReady(`${pool.ready} of ${pool.target} workers ready`);
    if (process.connected && findOrchestrator().name === 'PM2') sendToParent(readyMessage);
  });
  watchInheritedSockets(() => {
    if (pool.stopping) return;
    log.error(
      {},
      'cluster: the inherited socket was closed with the last worker: exiting, so that the service manager passes it again',
    );
    pool.kill('the inherited socket is gone');
    exit(1);
  });
  pool.settle();
  return handle;
}

/** Settings with which a reload follows links in the path of the script, too. */
function scriptSettings(): ClusterSettings {
  const [, script] = process.argv;
  return script === undefined ? {} : { exec: logicalPath(script) };
}
