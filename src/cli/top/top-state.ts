import type { ClusterStatus, WorkerStatus } from '../../process/cluster/control-protocol.js';

/** What happened in the time since the state before. Numbers are `null` where they are not known. */
export interface TopRates {
  /** Requests in a second. */
  readonly rps: number | null;
  /** Responses with a status of 500 or above in a second. */
  readonly errors: number | null;
  readonly p50Ms: number | null;
  readonly p99Ms: number | null;
}

export interface TopRoute extends TopRates {
  readonly method: string;
  readonly route: string;
}

export interface TopWorker
  extends TopRates,
    Pick<WorkerStatus, 'id' | 'pid' | 'state' | 'uptimeMs' | 'rssBytes' | 'utilization' | 'inFlight'> {
  /** The 99th percentile of the delay of its event loop. */
  readonly delayMs: number | null;
}

/** The state of one cluster, as `top --json` prints it. */
export interface TopCluster
  extends TopRates,
    Pick<
      ClusterStatus,
      'pid' | 'name' | 'script' | 'uptimeMs' | 'target' | 'ready' | 'reloading' | 'stopping' | 'deaths'
    > {
  /** Whether a worker has the part `metrics`. */
  readonly measured: boolean;
  readonly workers: readonly TopWorker[];
  /** The routes with requests, the busiest first. */
  readonly routes: readonly TopRoute[];
}

/** The clusters of one host. */
export interface TopHost {
  /** `null` for this host, where no other was given. */
  readonly host: string | null;
  readonly clusters: readonly TopCluster[];
  /** Why the state is not current. */
  readonly problem: string | null;
}
