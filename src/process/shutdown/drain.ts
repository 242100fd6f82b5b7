import type { Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { endEventStream, isEventStream } from '../../support/closing-responses.js';
import { contextOf } from '../../support/context/context.js';
import { type Lifecycle, startDraining } from '../../support/lifecycle.js';
import { lifecyclesOf } from '../../support/server-lifecycle.js';
import { Connections, freshMs } from './connections.js';
import { refuseUpgrades } from './refuse-upgrades.js';
import { stopAccepting } from './stop-accepting.js';

const pollMs = 5;

/** What ends: servers with all the apps on them. */
export interface Leaving {
  readonly servers: ReadonlySet<Server>;
  /** Apps that were seen on no server yet. */
  readonly lifecycles: ReadonlySet<Lifecycle>;
}

/** Turns everything that leaves to draining: readiness says no, and each answer ends its connection. */
export function announce(leaving: Leaving): void {
  for (const lifecycle of livesIn(leaving)) startDraining(lifecycle);
}

function livesIn({ servers, lifecycles }: Leaving): Set<Lifecycle> {
  return new Set([...lifecycles, ...[...servers].flatMap((server) => [...lifecyclesOf(server)])]);
}

/** Responses that have not been answered completely. */
export function inFlightOf(leaving: Leaving): Set<ServerResponse> {
  const all = new Set<ServerResponse>();
  for (const { inFlight } of livesIn(leaving)) for (const res of inFlight) if (!res.closed) all.add(res);
  return all;
}

/**
 * Stops accepting, ends event streams, and resolves once every other response is complete and every active connection
 * is closed. Idle connections stay open for their next request while responses are in flight, and are closed after
 * `quietMs` without activity. Resolves early when the signal aborts.
 *
 * `onClosed` runs once: when the listener is closed and the connections accepted last have sent their first request.
 * Upgrades are refused from then on, because what closes the upgraded connections has run.
 */
export async function drain(
  leaving: Leaving,
  quietMs: number,
  signal: AbortSignal,
  onClosed: () => void = () => {},
): Promise<void> {
  let allowUpgrades: (() => void) | undefined;
  const closed = (): void => {
    if (allowUpgrades) return;
    allowUpgrades = refuseUpgrades(leaving.servers);
    onClosed();
  };
  try {
    await stopAccepting([...leaving.servers], signal);
    await finish(leaving, quietMs, signal, closed);
    closed();
  } finally {
    allowUpgrades?.();
  }
}

async function finish(
  leaving: Leaving,
  quietMs: number,
  signal: AbortSignal,
  onClosed: () => void,
): Promise<void> {
  const closedBy = performance.now() + freshMs;
  const ended = new WeakSet<ServerResponse>();
  let quietSince = performance.now();
  let before = -1;
  while (!signal.aborted) {
    const inFlight = inFlightOf(leaving);
    for (const res of inFlight) {
      if (ended.has(res) || !isEventStream(res)) continue;
      ended.add(res);
      endEventStream(res);
    }
    const open = connectionsOf(leaving);
    const now = performance.now();
    const settled = none(open, 'fresh') && open.every((each) => each.handshakes().length === 0);
    if (settled || now >= closedBy) onClosed();
    const activity = open.reduce((sum, connections) => sum + connections.activity, 0);
    if (inFlight.size > 0 || busy(open) || activity !== before) quietSince = now;
    else if (now - quietSince >= quietMs) {
      closeIdle(leaving);
      await new Promise(setImmediate);
      // what Node does not count as idle now is in the middle of a request
      if (none(open, 'spoken', 'leaving', 'fresh', 'upgraded') && inFlightOf(leaving).size === 0) return;
    }
    before = activity;
    if (inFlight.size === 0 && open.length > 0 && open.every(({ sockets }) => sockets.size === 0)) return;
    await delay(pollMs);
  }
}

function connectionsOf({ servers }: Leaving): Connections[] {
  return [...servers].flatMap((server) => Connections.of(server) ?? []);
}

function busy(open: Connections[]): boolean {
  return open.some(({ sessions }) => sessions.size > 0) || !none(open, 'leaving', 'fresh', 'upgraded');
}

function none(open: Connections[], ...standings: Parameters<Connections['those']>): boolean {
  return open.every((connections) => connections.those(...standings).next().done);
}

function closeIdle({ servers }: Leaving): void {
  // servers of HTTP/2 have no such method
  for (const server of servers) (server as Partial<Server>).closeIdleConnections?.call(server);
}

/** Destroys what is still open. Returns what it was, for the log. */
export function cut(leaving: Leaving): string[] {
  closeIdle(leaving);
  const open = [...stillOpen(leaving), ...unfinishedRequests(leaving)];
  for (const res of inFlightOf(leaving)) res.destroy();
  for (const { sockets, sessions } of connectionsOf(leaving)) {
    for (const session of sessions) session.destroy();
    for (const socket of sockets.keys()) (socket as Socket).destroy();
  }
  return open;
}

/** What is still open, by method and route pattern, with a count where there are several of a kind. */
export function stillOpen(leaving: Leaving): string[] {
  const counts = new Map<string, number>();
  const count = (name: string) => counts.set(name, (counts.get(name) ?? 0) + 1);
  for (const res of inFlightOf(leaving)) count(nameOf(res));
  for (const connections of connectionsOf(leaving)) {
    for (const _ of connections.those('upgraded')) count('upgraded connection');
    for (const _ of connections.sessions) count('HTTP/2 session');
  }
  return [...counts].map(([name, times]) => (times > 1 ? `${name} (${times})` : name));
}

/** Connections in the middle of a request head, once the idle ones are closed. */
function unfinishedRequests(leaving: Leaving): string[] {
  const answering = new Set([...inFlightOf(leaving)].map(({ req }) => req.socket));
  const spoken = connectionsOf(leaving).flatMap((connections) => [...connections.those('spoken')]);
  const count = spoken.filter((socket) => !answering.has(socket)).length;
  return count > 0 ? [`unfinished request head${count > 1 ? ` (${count})` : ''}`] : [];
}

function nameOf({ req }: ServerResponse): string {
  const { method = 'GET' } = req;
  const { baseUrl = '', route } = req as { baseUrl?: string; route?: { path?: unknown } };
  const pattern = contextOf(req)?.route ?? (route?.path === undefined ? undefined : baseUrl + route.path);
  // a path that matched no route may carry what belongs in no log
  return `${method} ${pattern ?? '(no route)'}`;
}
