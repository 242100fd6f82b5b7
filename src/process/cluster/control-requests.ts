import { expose } from '../../support/metrics/exposition.js';
import { plural } from './cluster-log.js';
import type { ClusterMetrics } from './cluster-metrics.js';
import type { ClusterStatus, ControlRequest, ControlResponse } from './control-protocol.js';
import { serveControl } from './control-socket.js';
import type { Pool } from './pool.js';
import type { Reloader } from './rolling-reload.js';
import { makeRuntimeDir } from './runtime-dir.js';
import { removeFilesOf, resultsOf } from './worker-results.js';
import { snapshotWorker } from './worker-snapshot.js';

/** What requests of the control socket are executed on. */
export interface Controlled {
  readonly pool: Pool;
  readonly metrics: ClusterMetrics;
  readonly reloader: Reloader;
  status(): ClusterStatus;
  scale(workers: number | 'max'): void;
  stop(reason: string): Promise<void>;
}

/** Opens the control socket of a cluster. Resolves with the function that closes it. */
export async function openControl(
  runtimeDir: string | undefined,
  controlled: Controlled,
): Promise<() => void> {
  const { pool, metrics, reloader, status } = controlled;
  const directory = makeRuntimeDir(runtimeDir);
  const socket = await serveControl(directory, async (request, gone): Promise<ControlResponse> => {
    if (request.command === 'task') {
      const results = await resultsOf(pool, request, gone);
      if (gone.aborted) removeFilesOf(request, directory);
      return { ok: true, message: request.name, status: status(), results };
    }
    if (request.command === 'metrics') {
      const { body } = expose(await metrics.collect(), undefined);
      return { ok: true, message: body.trimEnd(), status: status() };
    }
    if (request.command === 'snapshot') {
      const message = await snapshotWorker(pool, reloader, request);
      return { ok: true, message, status: status() };
    }
    const done = await execute(request, controlled);
    return { ok: true, message: done, status: status() };
  });
  process.once('exit', socket.close);
  return socket.close;
}

async function execute(
  request: ControlRequest,
  { status, scale, reloader, stop }: Controlled,
): Promise<string> {
  switch (request.command) {
    case 'status':
      return 'status';
    case 'reload': {
      const { replaced } = await reloader.reload(request.startMs);
      return `reloaded: ${plural(replaced)} replaced`;
    }
    case 'scale':
      scale(request.workers);
      return `scaling to ${plural(status().target)}`;
    case 'stop':
      void stop('stop was requested');
      return 'stopping';
    default:
      throw new Error('unknown command: the cluster runs another version of express-productionize');
  }
}
