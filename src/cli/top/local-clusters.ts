import { type FoundCluster, sendRequest } from '../../process/cluster/control-client.js';
import type { WorkerStatus } from '../../process/cluster/control-protocol.js';
import type { MetricFamily } from '../../support/metrics/metric-family.js';
import type { Arguments } from '../command.js';
import { clustersOf } from '../running-cluster.js';
import {
  countsBetween,
  countsIn,
  delayIn,
  type RequestCounts,
  ratesOf,
  type WorkerCounts,
} from './request-counts.js';
import type { TopCluster, TopRates, TopRoute, TopWorker } from './top-state.js';

/** A worker that is stuck delays the view by this time. */
const limitMs = 800;
const mostRoutes = 50;

interface Seen {
  readonly at: number;
  readonly counts: WorkerCounts;
}

interface Measured {
  readonly counts: readonly RequestCounts[];
  readonly seconds: number;
  readonly delayMs: number | null;
}

const unknown: TopRates = { rps: null, errors: null, p50Ms: null, p99Ms: null };

/** The clusters of this user, with the rates since the state before. */
export class LocalClusters {
  readonly #args: Arguments;
  /** The last counts of each worker, by its process id. */
  #seen = new Map<number, Seen>();

  constructor(args: Arguments) {
    this.#args = args;
  }

  async next(): Promise<TopCluster[]> {
    const found = await clustersOf(this.#args);
    const seen = new Map<number, Seen>();
    const clusters = await Promise.all(found.map((each) => this.#stateOf(each, seen)));
    this.#seen = seen;
    return clusters;
  }

  async #stateOf({ socket, status }: FoundCluster, seen: Map<number, Seen>): Promise<TopCluster> {
    const { pid, name, script, uptimeMs, target, ready, reloading, stopping, deaths } = status;
    const request = { command: 'task', name: 'metrics', limitMs } as const;
    const response = await sendRequest(socket, request, 5 * limitMs).catch(() => undefined);
    const results = (response?.ok && response.results) || [];
    const measured = new Map<number, Measured>();
    for (const { pid, result } of results) {
      if (Array.isArray(result)) measured.set(pid, this.#measure(pid, result as MetricFamily[], seen));
    }
    return {
      ...{ pid, name, script, uptimeMs, target, ready, reloading, stopping, deaths },
      measured: measured.size > 0,
      ...totals([...measured.values()]),
      workers: status.workers.map((worker) => workerOf(worker, measured.get(worker.pid))),
      routes: routesOf([...measured.values()]),
    };
  }

  #measure(pid: number, families: readonly MetricFamily[], seen: Map<number, Seen>): Measured {
    const now = { at: performance.now(), counts: countsIn(families) };
    const before = this.#seen.get(pid);
    seen.set(pid, now);
    const delayMs = delayIn(families);
    if (before === undefined) return { counts: [], seconds: 0, delayMs };
    return {
      counts: countsBetween(before.counts, now.counts),
      seconds: (now.at - before.at) / 1000,
      delayMs,
    };
  }
}

/** The rates of several workers. They were measured at nearly the same time. */
function totals(measured: readonly Measured[]): TopRates {
  const seconds = Math.max(0, ...measured.map((each) => each.seconds));
  if (seconds === 0) return unknown;
  return ratesOf(
    measured.flatMap(({ counts }) => counts),
    seconds,
  );
}

function workerOf(
  { id, pid, state, uptimeMs, rssBytes, utilization, inFlight }: WorkerStatus,
  measured: Measured | undefined,
): TopWorker {
  const rates = measured === undefined ? unknown : totals([measured]);
  const delayMs = measured?.delayMs ?? null;
  return { id, pid, state, uptimeMs, rssBytes, utilization, inFlight, ...rates, delayMs };
}

function routesOf(measured: readonly Measured[]): TopRoute[] {
  const seconds = Math.max(0, ...measured.map((each) => each.seconds));
  const routes = new Map<string, RequestCounts[]>();
  for (const each of measured.flatMap(({ counts }) => counts)) {
    const key = `${each.method} ${each.route}`;
    routes.set(key, [...(routes.get(key) ?? []), each]);
  }
  return [...routes.values()]
    .map((counts) => {
      const { method, route } = counts[0] as RequestCounts;
      return { method, route, ...ratesOf(counts, seconds) };
    })
    .sort((a, b) => (b.rps ?? 0) - (a.rps ?? 0))
    .slice(0, mostRoutes);
}
