import { closeSync, openSync, readSync } from 'node:fs';
import { unobserved } from './unobserved.js';

// local address and port, remote address, state (0A is LISTEN), tx_queue:rx_queue
const entry = /:([0-9A-F]{4}) [0-9A-F]+:[0-9A-F]{4} ([0-9A-F]{2}) [0-9A-F]{8}:([0-9A-F]{8})/g;
const pieceBytes = 8192;

/**
 * Connections that clients opened and the process has not accepted yet, over listening ports of this machine;
 * `undefined` where the system does not say. For a listening socket the kernel gives their number as `rx_queue`
 * (https://docs.kernel.org/networking/proc_net_tcp.html).
 */
export function acceptQueueLength(ports: ReadonlySet<number>): number | undefined {
  let found = false;
  let waiting = 0;
  for (const table of ['/proc/net/tcp', '/proc/net/tcp6']) {
    for (const [, port, state, queue] of unobserved(readListening, table).matchAll(entry)) {
      if (state !== '0A' || !ports.has(Number.parseInt(port as string, 16))) continue;
      found = true;
      waiting += Number.parseInt(queue as string, 16);
    }
  }
  return found ? waiting : undefined;
}

/** The beginning of a table: listening sockets stand first, and a busy machine has many thousand others. */
function readListening(table: string): string {
  let fd: number;
  try {
    fd = openSync(table, 'r');
  } catch {
    return '';
  }
  try {
    const piece = Buffer.allocUnsafe(pieceBytes);
    let text = '';
    for (;;) {
      const bytes = readSync(fd, piece, 0, pieceBytes, null);
      text += piece.toString('latin1', 0, bytes);
      if (bytes === 0 || [...text.matchAll(entry)].some(([, , state]) => state !== '0A')) return text;
    }
  } catch {
    return '';
  } finally {
    closeSync(fd);
  }
}
