import { readdirSync, rmSync } from 'node:fs';
import net from 'node:net';
import path from 'node:path';
import { text } from 'node:stream/consumers';
import { ProductionizeError, quote, warnOnce } from '../../support/errors.js';
import type { ClusterStatus, ControlRequest, ControlResponse } from './control-protocol.js';
import { runtimeDirs, untrustedReason } from './runtime-dir.js';

/** A running cluster that responded on its control socket. */
export interface FoundCluster {
  readonly socket: string;
  readonly status: ClusterStatus;
}

/**
 * Finds all running clusters of this user. Sockets without a listening process are removed. An untrusted one of several
 * directories is skipped with a warning, because every user can create one in the temporary directory.
 *
 * @throws ProductionizeError when the only directory is not trusted.
 */
export async function findClusters(runtimeDir?: string): Promise<FoundCluster[]> {
  const directories = runtimeDirs(runtimeDir);
  const sockets = directories.flatMap((directory) => socketsIn(directory, directories.length === 1));
  const found = await Promise.all(
    sockets.map(async (socket) => {
      const response = await sendRequest(socket, { command: 'status' }, 5000).catch(() => undefined);
      return response?.ok ? [{ socket, status: response.status }] : [];
    }),
  );
  return found.flat().sort((a, b) => a.status.pid - b.status.pid);
}

function socketsIn(directory: string, only: boolean): string[] {
  try {
    const problem = untrustedReason(directory);
    if (problem !== undefined) {
      const message = `${quote(directory)} is not used for control sockets: ${problem}. Remove it, or pass another directory with --runtime-dir.`;
      if (only) throw new ProductionizeError('ERR_PRODUCTIONIZE_CLUSTER_CONTROL', message);
      warnOnce('ERR_PRODUCTIONIZE_CLUSTER_CONTROL', message);
      return [];
    }
    return readdirSync(directory)
      .filter((name) => name.endsWith('.sock'))
      .map((name) => path.join(directory, name));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
}

/** Sends one request to a cluster and waits for the response, by default without a time limit. */
export async function sendRequest(
  socket: string,
  request: ControlRequest,
  limitMs = 0,
): Promise<ControlResponse> {
  const connection = net.connect(socket);
  if (limitMs > 0) connection.setTimeout(limitMs, () => connection.destroy(new Error('no response in time')));
  connection.write(`${JSON.stringify(request)}\n`);
  try {
    return JSON.parse(await text(connection)) as ControlResponse;
  } catch (error) {
    // the primary that listened here was killed and did not remove its socket
    if ((error as NodeJS.ErrnoException).code === 'ECONNREFUSED') rmSync(socket, { force: true });
    throw error;
  }
}
