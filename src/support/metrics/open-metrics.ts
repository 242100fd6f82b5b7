import { attachShared } from '../attachment.js';
import { clusterWorker } from '../parent-process.js';
import { processWide } from '../process-wide.js';
import { openMetricsKey } from '../symbols.js';
import { type MetricsEndpoint, type MetricsServer, serveMetrics } from './admin-server.js';

interface OpenEndpoints {
  readonly servers: Map<string, MetricsServer>;
  /** Set in a worker of our cluster, whose primary serves the metrics of all workers. */
  requestOfPrimary: ((port: number, host: string) => void) | undefined;
}

export const openEndpoints = processWide<OpenEndpoints>(openMetricsKey, () => ({
  servers: new Map(),
  requestOfPrimary: undefined,
}));

/**
 * Opens the port of metrics, once for all apps of the process. A worker of our cluster requests it of its primary. The
 * workers of PM2 have one port each, which follows that of the first.
 */
export function openMetrics({ port, host, collect }: MetricsEndpoint): MetricsServer {
  const key = `${host}:${port}`;
  const { servers, requestOfPrimary } = openEndpoints;
  const close = attachShared(openEndpoints, key, () => {
    if (requestOfPrimary !== undefined) {
      requestOfPrimary(port, host);
      return () => {};
    }
    const server = serveMetrics({ port: port + (port > 0 ? instance() : 0), host, collect });
    servers.set(key, server);
    return () => {
      servers.delete(key);
      server.close();
    };
  });
  return {
    get url() {
      return servers.get(key)?.url;
    },
    close,
  };
}

/** The number of a worker of PM2, which a restart does not change. */
function instance(): number {
  const number = clusterWorker() && Number(process.env.NODE_APP_INSTANCE);
  return number !== undefined && Number.isInteger(number) && number >= 0 && number < 1000 ? number : 0;
}
