import { readdirSync, rmSync } from 'node:fs';
import net from 'node:net';
import path from 'node:path';
import { text } from 'node:stream/consumers';
import { ProductionizeError, quote, warnOnce } from '../../support/errors.js';
import type { ClusterStatus, ControlAnswer, ControlRequest } from './control-protocol.js';
import { distrust, runtimeDirs } from './runtime-dir.js';

/** A cluster that answered. */
export interface FoundCluster {
  readonly socket: string;
  readonly status: ClusterStatus;
}

/**
 * All running clusters of this user. Sockets that nobody listens on any more are removed. Of several folders, one that
 * cannot be trusted is left out with a warning: anybody can make one in the temporary folder.
 *
 * @throws ProductionizeError when the only folder cannot be trusted.
 */
export async function findClusters(runtimeDir?: string): Promise<FoundCluster[]> {
  const folders = runtimeDirs(runtimeDir);
  const sockets = folders.flatMap((folder) => socketsIn(folder, folders.length === 1));
  const found = await Promise.all(
    sockets.map(async (socket) => {
      const answer = await ask(socket, { command: 'status' }, 5000).catch(() => undefined);
      return answer?.ok ? [{ socket, status: answer.status }] : [];
    }),
  );
  return found.flat().sort((a, b) => a.status.pid - b.status.pid);
}

function socketsIn(folder: string, only: boolean): string[] {
  try {
    const problem = distrust(folder);
    if (problem !== undefined) {
      const message = `${quote(folder)} is not used for control sockets: ${problem}. Remove it, or name another with --runtime-dir.`;
      if (only) throw new ProductionizeError('ERR_PRODUCTIONIZE_CLUSTER_CONTROL', message);
      warnOnce('ERR_PRODUCTIONIZE_CLUSTER_CONTROL', message);
      return [];
    }
    return readdirSync(folder)
      .filter((name) => name.endsWith('.sock'))
      .map((name) => path.join(folder, name));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
}

/** Sends one request to a cluster and waits for its answer, without a limit unless one is given. */
export async function ask(socket: string, request: ControlRequest, limitMs = 0): Promise<ControlAnswer> {
  const connection = net.connect(socket);
  if (limitMs > 0) connection.setTimeout(limitMs, () => connection.destroy(new Error('no answer in time')));
  connection.write(`${JSON.stringify(request)}\n`);
  try {
    return JSON.parse(await text(connection)) as ControlAnswer;
  } catch (error) {
    // the primary that listened here was killed: its socket is a leftover in our own folder
    if ((error as NodeJS.ErrnoException).code === 'ECONNREFUSED') rmSync(socket, { force: true });
    throw error;
  }
}
