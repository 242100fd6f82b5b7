import type { ClusterStatus } from '../../process/cluster/control-protocol.js';
import { isEveryHost } from '../../process/cluster/control-protocol.js';
import type { FollowedHost } from './followed-host.js';

type HostState = Pick<FollowedHost, 'source' | 'clusters' | 'reportedAt' | 'problem'>;

export interface UpstreamSettings {
  /** The port of the app, where a cluster listens on several. */
  readonly port: number;
  /** Whether a name selects the clusters. */
  readonly isNamed: boolean;
  /** Milliseconds for which a host that does not respond remains. */
  readonly unseenMs: number;
  /** The upstreams before. */
  readonly previous: readonly string[];
}

/** The addresses that can handle requests now, and a sentence for each host that is a problem. */
export interface WatchedUpstreams {
  readonly upstreams: readonly string[];
  readonly problems: readonly string[];
}

/** Reads the upstreams from the last reports of all hosts. */
export function watchedUpstreams(
  hosts: readonly HostState[],
  now: number,
  settings: UpstreamSettings,
): WatchedUpstreams {
  const problems: string[] = [];
  const upstreams = hosts.flatMap((host) => {
    const { text, host: address } = host.source;
    if (host.problem !== undefined) problems.push(`${text} does not respond: ${host.problem}`);
    if (now - host.reportedAt > settings.unseenMs) return [];
    const before = settings.previous.filter((upstream) => upstream.startsWith(`${address}:`));
    if (host.clusters === undefined) return before;
    const serving = host.clusters.filter(({ stopping, ready }) => !stopping && ready > 0);
    if (serving.length > 1 && !settings.isNamed) {
      problems.push(`${text} has several clusters: select one by --name`);
      return before;
    }
    const addresses = serving.map((cluster) => addressOf(cluster, host, settings.port));
    problems.push(
      ...addresses.flatMap(({ problem }) => (problem === undefined ? [] : [`${text}: ${problem}`])),
    );
    return addresses.flatMap(({ upstream }) => upstream ?? []);
  });
  return { upstreams: [...new Set(upstreams)], problems };
}

function addressOf(
  { workers }: ClusterStatus,
  { source }: HostState,
  port: number,
): { upstream?: string; problem?: string } {
  const all = workers
    .filter(({ state }) => state === 'ready')
    .flatMap(({ addresses }) => addresses)
    .filter((address) => Number.isInteger(address.port) && address.port > 0);
  const ports = new Set(all.map((address) => address.port));
  const [only] = ports.size === 1 ? ports : [ports.has(port) ? port : undefined];
  if (only === undefined) {
    return {
      problem: `its cluster listens on ${[...ports].join(', ') || 'no port'}, not on ${port}: pass --port`,
    };
  }
  const host = all.find((address) => address.port === only)?.host ?? null;
  if (source.remote !== undefined) {
    const isLoopback = host !== null && /^(127\.|::1$|localhost$)/.test(host);
    return isLoopback
      ? { problem: `its cluster listens on ${host}, which only the host itself reaches` }
      : { upstream: `${source.host}:${only}` };
  }
  const own = isEveryHost(host) ? source.host : host.includes(':') ? `[${host}]` : host;
  return { upstream: `${own}:${only}` };
}
