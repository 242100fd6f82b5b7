import { closeSync, openSync, readSync } from 'node:fs';

/**
 * The kernel's tables of TCP sockets in the network namespace of this process (proc(5)). Listening sockets are listed
 * first.
 */
export const socketTables: readonly string[] = ['/proc/self/net/tcp', '/proc/self/net/tcp6'];

/** The state of a listening socket in these tables. */
export const listening = '0A';

/** Matches the row of a socket in any other state: remote port, state, queues. */
const otherState = /:[0-9A-F]{4} (?!0A)[0-9A-F]{2} [0-9A-F]{8}:/;
const pieceBytes = 8192;

/** A listening TCP socket of this machine, and the position of its row in the table. */
export interface ListeningSocket {
  readonly table: string;
  readonly start: number;
  readonly end: number;
  readonly port: number;
  readonly inode: string;
  /** The number of connections in its accept queue. */
  readonly waiting: number;
}

/** Returns the listening TCP sockets of this machine, or `undefined` if the tables cannot be read. */
export function listeningSockets(): ListeningSocket[] | undefined {
  const tables = socketTables.map((table) => ({ table, text: beginningOf(table) }));
  if (tables.every(({ text }) => text === undefined)) return undefined;
  return tables.flatMap(({ table, text = '' }) => rowsIn(table, text));
}

function rowsIn(table: string, text: string): ListeningSocket[] {
  const rows: ListeningSocket[] = [];
  let start = 0;
  for (const line of text.split('\n')) {
    const end = start + line.length + 1;
    const [, local, , state, queues, , , , , inode] = line.trim().split(/\s+/);
    if (state === listening && inode !== undefined) {
      rows.push({ table, start, end, port: afterColon(local), inode, waiting: afterColon(queues) });
    }
    start = end;
  }
  return rows;
}

/** The hexadecimal number after the colon: the port of an address, or the receive queue of a socket. */
export function afterColon(field: string | undefined): number {
  return Number.parseInt(field?.split(':')[1] ?? '', 16);
}

/** Reads the beginning of a table with the listening sockets. The rows after it are all connections of the machine. */
function beginningOf(table: string): string | undefined {
  let fd: number;
  try {
    fd = openSync(table, 'r');
  } catch {
    return undefined;
  }
  try {
    const piece = Buffer.allocUnsafe(pieceBytes);
    let text = '';
    for (;;) {
      const bytes = readSync(fd, piece, 0, pieceBytes, null);
      text += piece.toString('latin1', 0, bytes);
      if (bytes === 0 || otherState.test(text)) return text;
    }
  } catch {
    return undefined;
  } finally {
    closeSync(fd);
  }
}
