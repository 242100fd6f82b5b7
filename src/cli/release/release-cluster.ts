import { realpathSync } from 'node:fs';
import path from 'node:path';
import { type FoundCluster, findClusters, sendRequest } from '../../process/cluster/control-client.js';
import type { ClusterStatus } from '../../process/cluster/control-protocol.js';
import { attempt } from '../../support/attempt.js';
import { type Arguments, CommandError, UsageError } from '../command.js';
import { clustersOf } from '../running-cluster.js';
import type { ReleaseTarget } from './release-target.js';

/**
 * Finds the cluster that runs the releases of a target: the one that --name or --pid selects, else the one whose script
 * has `current` of the target in its path. A cluster that was started from a release itself would never leave it.
 */
export async function clusterOf(target: ReleaseTarget, args: Arguments): Promise<FoundCluster | undefined> {
  const all = await clustersOf(args);
  const selected = args.values.name !== undefined || args.values.pid !== undefined;
  const found = selected ? all : all.filter(({ status }) => isBelow(target.link, status.script));
  if (found.length > 1) {
    const pids = found.map(({ status }) => status.pid).join(', ');
    throw new UsageError(`several clusters run ${target.link}, name one by --pid: ${pids}`);
  }
  if (selected && found.length === 0) throw new CommandError('No cluster with this name or pid is running.');
  const pinned = all.find(({ status }) => isBelow(target.releases, status.script));
  if (pinned && found.length === 0) {
    throw new CommandError(
      `The cluster ${pinned.status.pid} was started as ${pinned.status.script}, so a reload cannot leave this release. Start it from ${target.link}.`,
    );
  }
  return found[0];
}

/** Whether a path, with its links unresolved, is below a directory whose own path may have links. */
function isBelow(directory: string, file: string): boolean {
  for (let at = path.dirname(file); at !== path.dirname(at); at = path.dirname(at)) {
    if (path.basename(at) !== path.basename(directory)) continue;
    if (attempt(() => realpathSync(path.dirname(at))) === path.dirname(directory)) return true;
  }
  return false;
}

/** Reloads a cluster. Returns why the new workers did not become ready, or `undefined` when they serve. */
export async function reloadCluster(
  { socket, status: { pid } }: FoundCluster,
  startMs?: number,
): Promise<string | undefined> {
  const response = await sendRequest(socket, { command: 'reload', ...(startMs && { startMs }) }).catch(
    () => undefined,
  );
  if (response === undefined) return `the cluster ${pid} ended during the reload`;
  if (!response.ok) return response.message;
  const { ready, target } = response.status;
  return ready < target ? `only ${ready} of ${target} workers are ready after the reload` : undefined;
}

/** The state of a cluster now, or `undefined` when it has ended. */
export async function statusOf(
  { status: { pid } }: FoundCluster,
  args: Arguments,
): Promise<ClusterStatus | undefined> {
  const all = await findClusters(args.values['runtime-dir'] as string | undefined);
  return all.find(({ status }) => status.pid === pid)?.status;
}

/** The releases whose files the primary itself has loaded. It needs them until it is restarted. */
export function releasesInUse(target: ReleaseTarget, status: ClusterStatus | undefined): string[] {
  const relative = path.relative(target.releases, status?.library ?? '');
  const [id = ''] = relative.split(path.sep);
  return id === '' || id === '..' ? [] : [id];
}
