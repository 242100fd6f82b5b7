import type { AppFacts, Probe, ProbedServer } from './probe-protocol.js';
import { factsError } from './probed-start.js';

/** The port on which the app is to be reached, and the server behind it. */
interface ServedPort {
  readonly port: number;
  readonly readsPort: boolean;
  readonly server: ProbedServer & { readonly app: AppFacts };
}

/** The port of an app that listens where `PORT` states, and has no default. */
const usualPort = 3000;

type AppServer = ServedPort['server'];

/**
 * Chooses the server of the app. A second start with another `PORT` shows whether the app listens there, and on which
 * of several ports it listens without.
 */
export async function servedPort(
  first: Probe,
  named: number | undefined,
  startWith: (port: number) => Promise<Probe>,
): Promise<ServedPort> {
  const servers = appServers(first);
  if (servers.length === 0) {
    throw factsError(
      `deploy: no Express app serves in this process. It listens on ${addresses(first.servers)}. Where a function calls the app, call productionize(app) and pass the app itself to the server.`,
    );
  }
  const ports = new Set(servers.map(({ port }) => port));
  const other = Math.max(usualPort, ...servers.map(({ port }) => (port ?? 0) + 1));
  const second = await startWith(other > 65_535 ? usualPort : other).catch(() => undefined);
  const moved = second?.servers.find(({ port, app }) => app !== null && port === other);
  const readsPort = moved !== undefined;
  const remaining = new Set(second?.servers.map(({ port }) => port));
  const follows = readsPort ? servers.filter(({ port }) => !remaining.has(port)) : [];
  if (named !== undefined) {
    const server =
      servers.find(({ port }) => port === named) ??
      (ports.has(0) || ports.has(null) ? servers[0] : undefined);
    if (server === undefined) {
      throw factsError(
        `deploy: the app does not listen on port ${named}: it listens on ${addresses(servers)}.`,
      );
    }
    return { port: named, readsPort: readsPort && (follows.includes(server) || !server.port), server };
  }
  const candidates = follows.length > 0 ? follows : servers;
  const choices = new Set(candidates.map(({ port }) => port));
  const [server] = candidates as [AppServer];
  if (choices.size > 1) {
    throw factsError(
      `deploy: the app listens on ${addresses(candidates)}. --port names the one to describe.`,
    );
  }
  if (server.port) return { port: server.port, readsPort, server };
  if (readsPort) return { port: usualPort, readsPort, server };
  throw factsError(
    `deploy: the app listens on ${addresses(candidates)}, and not on PORT when it is set. A proxy needs a fixed port: listen on process.env.PORT, or pass --port.`,
  );
}

function appServers({ servers }: Probe): AppServer[] {
  return servers.filter((server): server is AppServer => server.app !== null);
}

function addresses(servers: readonly ProbedServer[]): string {
  const names = servers.map(({ port, socketPath }) =>
    port === null
      ? `the socket ${socketPath === null ? 'of a descriptor' : JSON.stringify(socketPath)}`
      : port === 0
        ? 'a random port'
        : `port ${port}`,
  );
  return [...new Set(names)].join(', ') || 'no port';
}
