import http, { type Server } from 'node:http';
import { AcceptQueue } from '../../support/accept-queue.js';
import { debugFor } from '../../support/debug.js';
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
    if (open.length > 0) await takeWaiting(queuesOf(open), signal, () => taken);
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
async function bestMoment(queues: readonly AcceptQueue[], taken: () => number, until: number): Promise<void> {
  // code that never ran takes ten times as long
  closeListener(http.createServer());
  const quietAt = performance.now() + silenceMs;
  let before = taken();
  while (performance.now() < until) {
    await turns(1);
    if (taken() === before ? performance.now() > quietAt : !lengthOf(queues)) return;
    before = taken();
  }
}

/** Resolves when the queue was read empty twice, and nobody is likely to connect right now. */
async function takeWaiting(
  queues: readonly AcceptQueue[],
  signal: AbortSignal,
  taken: () => number,
): Promise<void> {
  const until = performance.now() + longestMs;
  let waiting: number | undefined = 0;
  for (let empty = 0; empty < 2; ) {
    // a turn takes at least one of them
    await turns(waiting + 1);
    waiting = lengthOf(queues);
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
  await bestMoment(queues, taken, until);
}

function queuesOf(servers: readonly Server[]): AcceptQueue[] {
  return servers.map(AcceptQueue.of).filter((queue) => queue instanceof AcceptQueue);
}

/** Connections that wait for this process to accept them; a cluster worker is handed its own by the primary. */
function lengthOf(queues: readonly AcceptQueue[]): number | undefined {
  const lengths = queues.flatMap((queue) => queue.length() ?? []);
  return lengths.length > 0 ? lengths.reduce((sum, length) => sum + length, 0) : undefined;
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
