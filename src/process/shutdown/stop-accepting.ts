import type { Server } from 'node:http';
import http from 'node:http';
import { AcceptQueue } from '../../support/accept-queue.js';
import { debugFor } from '../../support/debug.js';
import { Connections } from './connections.js';

const debug = debugFor('graceful-shutdown');

/** Turns of the event loop where the length of the accept queue is unknown. Each turn accepts waiting connections. */
const blindTurns = 10;
/** Milliseconds to wait under a steady load, where the queue may never be empty when it is read. */
const longestMs = 1000;
const idleMs = 5;

/**
 * Closes listening sockets without resetting a connection. Connections in the accept queue are accepted first, and
 * connections between two requests stay open.
 */
export async function stopAccepting(servers: readonly Server[], signal: AbortSignal): Promise<void> {
  const open = servers.filter(({ listening }) => listening);
  let taken = 0;
  const count = (): void => void taken++;
  for (const server of open) server.on('connection', count);
  try {
    if (open.length > 0) await takeWaiting(queuesOf(open), signal, () => taken);
  } finally {
    for (const server of open) server.off('connection', count);
  }
  // no other code may run before the close: the kernel resets connections that arrive from here on
  for (const server of servers) if (server.listening) closeListener(server);
  for (const server of servers) {
    for (const session of Connections.of(server)?.sessions ?? []) session.close();
  }
}

/**
 * Resolves when the listener can close. Between the last read of the queue and the close, the kernel may still accept a
 * connection. A client that opens one connection after the other connects right after a response. The listener
 * therefore closes in a turn that has accepted a connection, or after `idleMs` without one.
 */
async function bestMoment(queues: readonly AcceptQueue[], taken: () => number, until: number): Promise<void> {
  // the first run of this code takes ten times as long, so it runs once in advance
  closeListener(http.createServer());
  const idleAt = performance.now() + idleMs;
  let before = taken();
  while (performance.now() < until) {
    await turns(1);
    if (taken() === before ? performance.now() > idleAt : !lengthOf(queues)) return;
    before = taken();
  }
}

/** Resolves when the queue was empty at two reads and a new connection is unlikely at this moment. */
async function takeWaiting(
  queues: readonly AcceptQueue[],
  signal: AbortSignal,
  taken: () => number,
): Promise<void> {
  const until = performance.now() + longestMs;
  let waiting = queues.length > 0 ? 0 : blindTurns;
  for (let empty = 0; empty < 2; ) {
    // each turn accepts at least one connection
    await turns(waiting + 1);
    if (queues.length === 0) break;
    waiting = lengthOf(queues) ?? blindTurns;
    empty = waiting === 0 ? empty + 1 : 0;
    if (performance.now() > until || signal.aborted) {
      debug(() => ['the accept queue was not empty in time: closing the listener now']);
      return;
    }
  }
  await bestMoment(queues, taken, until);
}

function queuesOf(servers: readonly Server[]): AcceptQueue[] {
  return servers.map(AcceptQueue.of).filter((queue) => queue instanceof AcceptQueue);
}

/** Connections in the accept queues; `undefined` in a cluster worker that gets its connections from the primary. */
function lengthOf(queues: readonly AcceptQueue[]): number | undefined {
  const lengths = queues.flatMap((queue) => queue.length() ?? []);
  return lengths.length > 0 ? lengths.reduce((sum, length) => sum + length, 0) : undefined;
}

/** Closes the listener only. Node's `server.close()` destroys idle connections, whose sent requests may be unread. */
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
 * Delays the close of idle connections by some turns of the event loop where the app closes the server itself. Requests
 * that were sent but not read then get a response.
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
