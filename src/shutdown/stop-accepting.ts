import type { Server } from 'node:http';
import { acceptQueueLength } from '../support/accept-queue.js';
import { debugFor } from '../support/debug.js';
import { Connections } from './connections.js';

const debug = debugFor('graceful-shutdown');

/** Turns of the loop where the kernel does not tell how many connections wait; each takes what has arrived. */
const blindTurns = 10;
/** Under a steady load the queue may never be seen empty. */
const longestMs = 1000;

/**
 * Closes listening sockets without resetting anybody: connections that wait in the kernel's queue are taken first,
 * and those between two requests stay as they are.
 */
export async function stopAccepting(servers: readonly Server[], signal: AbortSignal): Promise<void> {
  const open = servers.filter(({ listening }) => listening);
  if (open.length > 0) await takeWaiting(portsOf(open), signal);
  for (const server of servers) closeListener(server);
}

async function takeWaiting(ports: ReadonlySet<number>, signal: AbortSignal): Promise<void> {
  const until = performance.now() + longestMs;
  let empty = 0;
  let waiting: number | undefined = 0;
  while (empty < 2 && !signal.aborted) {
    // a turn takes at least one of them
    await turns(waiting + 1);
    waiting = ports.size > 0 ? acceptQueueLength(ports) : undefined;
    if (waiting === undefined) {
      await turns(blindTurns);
      return;
    }
    empty = waiting === 0 ? empty + 1 : 0;
    if (performance.now() > until) {
      debug(() => ['connections arrive faster than the accept queue was seen empty: closing now']);
      return;
    }
  }
}

/** Ports this process itself accepts on; a cluster worker is handed its connections by the primary. */
function portsOf(servers: readonly Server[]): Set<number> {
  const ports = new Set<number>();
  for (const server of servers) {
    const handle = (server as { _handle?: { fd?: number } | null })._handle;
    const address = server.address();
    if (typeof address === 'object' && address !== null && handle?.fd !== undefined && handle.fd >= 0) {
      ports.add(address.port);
    }
  }
  return ports;
}

/** `server.close()` of Node destroys idle connections, and with them requests that were sent but not read yet. */
function closeListener(server: Server): void {
  const own = Object.getOwnPropertyDescriptor(server, 'closeIdleConnections');
  server.closeIdleConnections = () => {};
  try {
    if (server.listening) server.close();
  } finally {
    if (own) Object.defineProperty(server, 'closeIdleConnections', own);
    else delete (server as { closeIdleConnections?: unknown }).closeIdleConnections;
  }
  for (const session of Connections.of(server)?.sessions ?? []) session.close();
}

/**
 * Lets an app that closes its server itself answer requests that were sent but not read yet: its idle connections are
 * closed some turns of the loop later.
 */
export function postponeIdleClose(server: Server): void {
  if (!('closeIdleConnections' in server) || Object.hasOwn(server, 'closeIdleConnections')) return;
  server.closeIdleConnections = () => {
    delete (server as { closeIdleConnections?: unknown }).closeIdleConnections;
    void turns(blindTurns).then(() => server.closeIdleConnections());
  };
}

async function turns(count: number): Promise<void> {
  for (let i = 0; i < count; i++) await new Promise(setImmediate);
}
