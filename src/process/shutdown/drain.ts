import type { Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { endEventStream, isEventStream } from '../../support/closing-responses.js';
import { contextOf } from '../../support/context/context.js';
import { type Lifecycle, startDraining } from '../../support/lifecycle.js';
import { lifecyclesOf } from '../../support/server-lifecycle.js';
import { type ConnectionState, Connections, newMs } from './connections.js';
import { refuseUpgrades } from './refuse-upgrades.js';
import { stopAccepting } from './stop-accepting.js';

const pollMs = 5;

/** The servers that a drain closes, with all their apps. */
export interface DrainScope {
  readonly servers: ReadonlySet<Server>;
  /** Apps that no server has used yet. */
  readonly lifecycles: ReadonlySet<Lifecycle>;
}

/** Sets every app to draining: readiness is 503, and each response closes its connection. */
export function announce(scope: DrainScope): void {
  for (const lifecycle of lifecyclesIn(scope)) startDraining(lifecycle);
}

function lifecyclesIn({ servers, lifecycles }: DrainScope): Set<Lifecycle> {
  return new Set([...lifecycles, ...[...servers].flatMap((server) => [...lifecyclesOf(server)])]);
}

/** Responses that are not complete. */
export function inFlightOf(scope: DrainScope): Set<ServerResponse> {
  const all = new Set<ServerResponse>();
  for (const { inFlight } of lifecyclesIn(scope)) for (const res of inFlight) if (!res.closed) all.add(res);
  return all;
}

/**
 * Stops accepting connections, ends event streams, and resolves once every other response is complete and every active
 * connection is closed. Idle connections stay open for their next request while responses are in flight. They are
 * closed after `quietMs` without activity. Resolves early when the signal aborts.
 *
 * `onClosed` runs once, when the listener is closed and the newest connections have sent their first request. Later
 * upgrades are refused, because the hooks that close upgraded connections have already run.
 */
export async function drain(
  scope: DrainScope,
  quietMs: number,
  signal: AbortSignal,
  onClosed: () => void = () => {},
): Promise<void> {
  let allowUpgrades: (() => void) | undefined;
  const closed = (): void => {
    if (allowUpgrades) return;
    allowUpgrades = refuseUpgrades(scope.servers);
    onClosed();
  };
  try {
    await stopAccepting([...scope.servers], signal);
    await finish(scope, quietMs, signal, closed);
    closed();
  } finally {
    allowUpgrades?.();
  }
}

async function finish(
  scope: DrainScope,
  quietMs: number,
  signal: AbortSignal,
  onClosed: () => void,
): Promise<void> {
  const closedBy = performance.now() + newMs;
  const ended = new WeakSet<ServerResponse>();
  let idleSince = performance.now();
  let before = -1;
  while (!signal.aborted) {
    const inFlight = inFlightOf(scope);
    for (const res of inFlight) {
      if (ended.has(res) || !isEventStream(res)) continue;
      ended.add(res);
      endEventStream(res);
    }
    const open = connectionsOf(scope);
    const now = performance.now();
    const settled = none(open, 'new') && open.every((each) => each.handshakes().length === 0);
    if (settled || now >= closedBy) onClosed();
    const activity = open.reduce((sum, connections) => sum + connections.activity, 0);
    if (inFlight.size > 0 || busy(open) || activity !== before) idleSince = now;
    else if (now - idleSince >= quietMs) {
      closeIdle(scope);
      await new Promise(setImmediate);
      // a connection that Node did not close as idle has sent a part of a request
      if (none(open, 'active', 'closing', 'new', 'upgraded') && inFlightOf(scope).size === 0) return;
    }
    before = activity;
    if (inFlight.size === 0 && open.length > 0 && open.every(({ sockets }) => sockets.size === 0)) return;
    await delay(pollMs);
  }
}

function connectionsOf({ servers }: DrainScope): Connections[] {
  return [...servers].flatMap((server) => Connections.of(server) ?? []);
}

function busy(open: Connections[]): boolean {
  return open.some(({ sessions }) => sessions.size > 0) || !none(open, 'closing', 'new', 'upgraded');
}

function none(open: Connections[], ...states: ConnectionState[]): boolean {
  return open.every((connections) => connections.inState(...states).next().done);
}

function closeIdle({ servers }: DrainScope): void {
  // servers of HTTP/2 without TLS have no such method
  for (const server of servers) (server as Partial<Server>).closeIdleConnections?.call(server);
}

/** Destroys the open connections. Returns the names of their requests for the log. */
export function destroyOpen(scope: DrainScope): string[] {
  closeIdle(scope);
  const open = [...stillOpen(scope), ...unfinishedRequests(scope)];
  for (const res of inFlightOf(scope)) res.destroy();
  for (const { sockets, sessions } of connectionsOf(scope)) {
    for (const session of sessions) session.destroy();
    for (const socket of sockets.keys()) (socket as Socket).destroy();
  }
  return open;
}

/** Lists open requests and connections by method and route pattern, with a count of equal ones. */
export function stillOpen(scope: DrainScope): string[] {
  const counts = new Map<string, number>();
  const count = (name: string) => counts.set(name, (counts.get(name) ?? 0) + 1);
  for (const res of inFlightOf(scope)) count(nameOf(res));
  for (const connections of connectionsOf(scope)) {
    for (const _ of connections.inState('upgraded')) count('upgraded connection');
    for (const _ of connections.sessions) count('HTTP/2 session');
  }
  return [...counts].map(([name, times]) => (times > 1 ? `${name} (${times})` : name));
}

/** Connections that have sent a part of a request head. The result is only correct after idle ones are closed. */
function unfinishedRequests(scope: DrainScope): string[] {
  const responding = new Set([...inFlightOf(scope)].map(({ req }) => req.socket));
  const active = connectionsOf(scope).flatMap((connections) => [...connections.inState('active')]);
  const count = active.filter((socket) => !responding.has(socket)).length;
  return count > 0 ? [`unfinished request head${count > 1 ? ` (${count})` : ''}`] : [];
}

function nameOf({ req }: ServerResponse): string {
  const { method = 'GET' } = req;
  const { baseUrl = '', route } = req as { baseUrl?: string; route?: { path?: unknown } };
  const pattern = contextOf(req)?.route ?? (route?.path === undefined ? undefined : baseUrl + route.path);
  // a path that matched no route may contain secrets
  return `${method} ${pattern ?? '(no route)'}`;
}
