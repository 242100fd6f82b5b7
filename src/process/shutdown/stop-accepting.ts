import http, { type Server } from 'node:http';
import { AcceptQueue } from '../../support/accept-queue.js';
import { debugFor } from '../../support/debug.js';
import { Connections } from './connections.js';

const debug = debugFor('graceful-shutdown');

/** Turns of the event loop where the length of the accept queue is unknown; each accepts what has arrived. */
const blindTurns = 10;
/** The limit under a steady load, where the queue may never be read as empty. */
const longestMs = 1000;
const idleMs = 5;

/**
 * Closes listening sockets without resetting a connection: those that wait in the accept queue are accepted first, and
 * those between two requests stay open.
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
  // nothing may run in between: the kernel resets connections that arrive from here on
  for (const server of servers) if (server.listening) closeListener(server);
  for (const server of servers) {
    for (const session of Connections.of(server)?.sessions ?? []) session.close();
  }
}

/**
 * Between the last read of the queue and the close, the kernel may still accept a connection. Clients that open one
 * connection after the other connect right after a response. So the listener closes in a turn that accepted one, or
 * after `idleMs` without any.
 */
async function bestMoment(queues: readonly AcceptQueue[], taken: () => number, until: number): Promise<void> {
  // code that runs for the first time takes ten times as long
  closeListener(http.createServer());
  const idleAt = performance.now() + idleMs;
  let before = taken();
  while (performance.now() < until) {
    await turns(1);
    if (taken() === before ? performance.now() > idleAt : !lengthOf(queues)) return;
    before = taken();
  }
}

/** Resolves when the queue was read as empty twice, and no client is likely to connect right now. */
async function takeWaiting(
  queues: readonly AcceptQueue[],
  signal: AbortSignal,
  taken: () => number,
): Promise<void> {
  const until = performance.now() + longestMs;
  let waiting: number | undefined = 0;
  for (let empty = 0; empty < 2; ) {
    // a turn accepts at least one of them
    await turns(waiting + 1);
    waiting = lengthOf(queues);
    if (waiting === undefined) {
      await turns(blindTurns);
      break;
    }
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

/** `server.close()` of Node destroys idle connections, and with them requests that were sent but not read. */
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
 * Closes the idle connections of a server that the app closes itself some turns later, so that requests which were sent
 * but not read get a response.
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
