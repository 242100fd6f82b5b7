import { closeSync, openSync, readdirSync, readlinkSync, readSync } from 'node:fs';
import type { Server } from 'node:net';
import { attempt } from './attempt.js';
import { afterColon, type ListeningSocket, listening, listeningSockets } from './listening-sockets.js';
import { unobserved } from './unobserved.js';

/**
 * Connections that the kernel has accepted for a server and Node has not. Node accepts one per turn of its event loop.
 * With many new connections, this queue therefore grows while each turn remains short, and no other measure shows them.
 * For a listening socket, `rx_queue` in `/proc/net/tcp` is the length of the queue
 * (https://docs.kernel.org/networking/proc_net_tcp.html).
 */
export class AcceptQueue {
  readonly readShare = 0.02;
  readonly #port: number;
  #sockets: ListeningSocket[];

  private constructor(port: number, sockets: ListeningSocket[]) {
    this.#port = port;
    this.#sockets = sockets;
  }

  /** Returns the queue of a server, or the reason why it cannot be read. */
  static of(server: Server): AcceptQueue | string {
    const address = server.address();
    if (address === null || typeof address === 'string') return 'the server does not listen on TCP';
    const sockets = unobserved(locate, address.port);
    if (sockets === undefined) return '/proc/net/tcp cannot be read here';
    return sockets.length > 0
      ? new AcceptQueue(address.port, sockets)
      : 'the listening socket is not held by this process';
  }

  /** The number of waiting connections, or `undefined` if it cannot be read. */
  length(): number | undefined {
    return unobserved(() => this.#read() ?? this.#relocate());
  }

  /** Servers of other processes that start and stop move the rows. The new list of rows has the lengths, too. */
  #relocate(): number | undefined {
    this.#sockets = locate(this.#port) ?? [];
    if (this.#sockets.length === 0) return undefined;
    return this.#sockets.reduce((sum, { waiting }) => sum + waiting, 0);
  }

  #read(): number | undefined {
    if (this.#sockets.length === 0) return undefined;
    let sum = 0;
    for (const socket of this.#sockets) {
      const length = lengthOf(socket);
      if (length === undefined) return undefined;
      sum += length;
    }
    return sum;
  }
}

/**
 * Returns the sockets with which this process listens on a port. Other processes may listen on the same port
 * (SO_REUSEPORT).
 */
function locate(port: number): ListeningSocket[] | undefined {
  let sockets: ListeningSocket[] | undefined = [];
  // a row that moves from one read to another may be missed
  for (let attempt = 0; attempt < 3 && sockets?.length === 0; attempt++) {
    sockets = listeningSockets()?.filter((socket) => socket.port === port);
  }
  if (sockets === undefined || sockets.length === 0) return sockets;
  const own = ownSockets();
  return sockets.filter(({ inode }) => own.has(inode));
}

/** Returns the inodes of the sockets that are open in this process. */
function ownSockets(): Set<string> {
  const inodes = new Set<string>();
  for (const fd of descriptors()) {
    const inode = inodeOf(fd);
    if (inode !== undefined) inodes.add(inode);
  }
  return inodes;
}

function descriptors(): string[] {
  return attempt(() => readdirSync('/proc/self/fd'), []);
}

/** Returns the inode of a socket that is open in this process, by its descriptor. */
export function inodeOf(fd: number | string): string | undefined {
  return attempt(() => /^socket:\[(\d+)\]$/.exec(readlinkSync(`/proc/self/fd/${fd}`))?.[1]);
}

/**
 * Reads the queue length from the row of a socket. It reads no further, because the rows after it are all connections
 * of the machine.
 */
function lengthOf({ table, inode, start, end }: ListeningSocket): number | undefined {
  const buffer = Buffer.allocUnsafe(end);
  let read = 0;
  try {
    const fd = openSync(table, 'r');
    try {
      // the kernel returns at most a page of whole rows in each call
      for (let bytes = -1; read < end && bytes !== 0; read += bytes) {
        bytes = readSync(fd, buffer, read, end - read, read);
      }
    } finally {
      closeSync(fd);
    }
  } catch {
    return undefined;
  }
  if (read < end) return undefined;
  const fields = buffer.toString('latin1', start, end).trim().split(/\s+/);
  if (fields[3] !== listening || fields[9] !== inode) return undefined;
  return afterColon(fields[4]);
}
