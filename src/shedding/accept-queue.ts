import { closeSync, openSync, readdirSync, readFileSync, readlinkSync, readSync } from 'node:fs';
import type { Server } from 'node:net';
import { unobserved } from '../support/unobserved.js';
import { portSuffix, tables } from './socket-tables.js';

/** One row of the kernel's table of sockets, and where in the file it stands. */
interface Row {
  readonly file: string;
  readonly inode: string;
  readonly start: number;
  readonly end: number;
}

const listening = '0A';

/**
 * Connections that the kernel has accepted for a server and Node has not fetched yet. Node fetches one per turn of
 * its event loop, so that under new connections this queue grows while each turn stays short: what waits in it can be
 * seen nowhere else. For a listening socket, `rx_queue` in `/proc/net/tcp` is its length.
 */
export class AcceptQueue {
  readonly readShare = 0.02;
  readonly #port: number;
  #rows: Row[];

  private constructor(port: number, rows: Row[]) {
    this.#port = port;
    this.#rows = rows;
  }

  /** The queue of a server, or the reason why it cannot be seen. */
  static of(server: Server): AcceptQueue | string {
    const address = server.address();
    if (address === null || typeof address === 'string') return 'the server does not listen on TCP';
    const rows = unobserved(locate, address.port);
    if (typeof rows === 'string') return rows;
    return rows.length > 0
      ? new AcceptQueue(address.port, rows)
      : 'the listening socket is not held by this process';
  }

  /** How many connections wait; `undefined` when the kernel does not say. */
  length(): number | undefined {
    return unobserved(() => this.#read() ?? this.#relocate());
  }

  #relocate(): number | undefined {
    const rows = locate(this.#port);
    this.#rows = typeof rows === 'string' ? [] : rows;
    return this.#read();
  }

  #read(): number | undefined {
    if (this.#rows.length === 0) return undefined;
    let sum = 0;
    for (const row of this.#rows) {
      const length = lengthIn(row);
      if (length === undefined) return undefined;
      sum += length;
    }
    return sum;
  }
}

/** The rows of the sockets that this process listens with on a port. */
function locate(port: number): Row[] | string {
  const suffix = portSuffix(port);
  const rows: Row[] = [];
  let readable = false;
  for (const file of tables) {
    let text: string;
    try {
      text = readFileSync(file, 'latin1');
    } catch {
      continue;
    }
    readable = true;
    let start = 0;
    for (const line of text.split('\n')) {
      const end = start + line.length + 1;
      const [, local, , state, , , , , , inode] = line.trim().split(/\s+/);
      if (state === listening && inode && local?.endsWith(suffix)) rows.push({ file, inode, start, end });
      start = end;
    }
  }
  if (!readable) return '/proc/net/tcp cannot be read here';
  if (rows.length === 0) return rows;
  const own = ownSockets();
  return rows.filter(({ inode }) => own.has(inode));
}

/** The inodes of the sockets this process holds; others may listen on the same port (SO_REUSEPORT). */
function ownSockets(): Set<string> {
  const inodes = new Set<string>();
  for (const fd of readdirSync('/proc/self/fd')) {
    try {
      const inode = /^socket:\[(\d+)\]$/.exec(readlinkSync(`/proc/self/fd/${fd}`))?.[1];
      if (inode) inodes.add(inode);
    } catch {
      // closed since
    }
  }
  return inodes;
}

/** Reads no further than the row: the rows behind it are all connections of the machine. */
function lengthIn({ file, inode, start, end }: Row): number | undefined {
  const buffer = Buffer.allocUnsafe(end);
  let read: number;
  try {
    const fd = openSync(file, 'r');
    try {
      read = readSync(fd, buffer, 0, end, 0);
    } finally {
      closeSync(fd);
    }
  } catch {
    return undefined;
  }
  if (read < end) return undefined;
  const fields = buffer.toString('latin1', start, end).trim().split(/\s+/);
  if (fields[3] !== listening || fields[9] !== inode) return undefined;
  return Number.parseInt(fields[4]?.split(':')[1] ?? '', 16);
}
