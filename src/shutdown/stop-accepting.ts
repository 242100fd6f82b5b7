import http, { type Server } from 'node:http';
import { acceptQueueLength } from '../support/accept-queue.js';
import { debugFor } from '../support/debug.js';
import { Connections } from './connections.js';

const debug = debugFor('graceful-shutdown');

/** Turns of the loop where the kernel does not tell how many connections wait; each takes what has arrived. */
const blindTurns = 10;
/** Under a steady load the queue may never be seen empty. */
const longestMs = 1000;
const silenceMs = 5;

/**
 * Closes listening sockets without resetting anybody: connections that wait in the kernel's queue are taken first,
 * and those between two requests stay as they are.
 */
export async function stopAccepting(servers: readonly Server[], signal: AbortSignal): Promise<void> {
  const open = servers.filter(({ listening }) => listening);
  let taken = 0;
  const count = (): void => void taken++;
  for (const server of open) server.on('connection', count);
  try {
    if (open.length > 0) await takeWaiting(portsOf(open), signal, () => taken);
  } finally {
    for (const server of open) server.off('connection', count);
  }
  // nothing may run in between: what the kernel accepts from here on is reset
  for (const server of servers) if (server.listening) closeListener(server);
  for (const server of servers) {
    for (const session of Connections.of(server)?.sessions ?? []) session.close();
  }
}

/**
 * Between the last look and the close, the kernel may still take a connection. Clients that open one after the other
 * connect right after they were answered, and not while they wait: the turn in which one was accepted is the moment,
 * or a longer silence.
 */
async function bestMoment(ports: ReadonlySet<number>, taken: () => number, until: number): Promise<void> {
  // code that never ran takes ten times as long
  closeListener(http.createServer());
  const quietAt = performance.now() + silenceMs;
  let before = taken();
  while (performance.now() < until) {
    await turns(1);
    if (taken() === before ? performance.now() > quietAt : !acceptQueueLength(ports)) return;
    before = taken();
  }
}

/** Resolves when the queue was read empty twice, and nobody is likely to connect right now. */
async function takeWaiting(
  ports: ReadonlySet<number>,
  signal: AbortSignal,
  taken: () => number,
): Promise<void> {
  const until = performance.now() + longestMs;
  let waiting: number | undefined = 0;
  for (let empty = 0; empty < 2; ) {
    // a turn takes at least one of them
    await turns(waiting + 1);
    waiting = ports.size > 0 ? acceptQueueLength(ports) : undefined;
    if (waiting === undefined) {
      await turns(blindTurns);
      break;
    }
    empty = waiting === 0 ? empty + 1 : 0;
    if (performance.now() > until || signal.aborted) {
      debug(() => ['connections arrive faster than the accept queue was seen empty: closing now']);
      return;
    }
  }
  await bestMoment(ports, taken, until);
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
    server.close();
  } finally {
    if (own) Object.defineProperty(server, 'closeIdleConnections', own);
    else delete (server as { closeIdleConnections?: unknown }).closeIdleConnections;
  }
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
