import cluster from 'node:cluster';
import { readFileSync } from 'node:fs';
import type { Server } from 'node:net';
import { attempt } from '../../support/attempt.js';
import { availableCpus } from '../../support/available-cpus.js';
import { socketTables } from '../../support/listening-sockets.js';
import { unobserved } from '../../support/unobserved.js';

/**
 * A worker's share of the connections with unread data. If the primary of a cluster accepts connections, it passes one
 * at a time to each worker and holds the others. No accept queue grows, and no worker is delayed. Only the kernel's
 * table shows the waiting connections: they are established and their `rx_queue` is above zero.
 */
export class UnreadConnections {
  // reading the whole table takes some milliseconds, or dozens after thousands of connections were closed
  readonly readShare = 0.1;
  readonly #pattern: RegExp;
  #workers = 0;

  private constructor(port: number) {
    const local = port.toString(16).toUpperCase().padStart(4, '0');
    this.#pattern = new RegExp(`:${local} [\\dA-F]+:[\\dA-F]{4} 01 [\\dA-F]{8}:(?!0{8})`, 'g');
  }

  /** Returns the connections of a server in a worker whose primary accepts connections, else `undefined`. */
  static of(server: Server): UnreadConnections | undefined {
    const address = server.address();
    if (!cluster.isWorker || address === null || typeof address === 'string') return undefined;
    return new UnreadConnections(address.port);
  }

  /** The share of this worker, or `undefined` if the table cannot be read. */
  length(): number | undefined {
    return unobserved(() => {
      // the machine may have no IPv6 or no /proc
      const tables = socketTables.flatMap((file) => attempt(() => readFileSync(file, 'latin1')) ?? []);
      this.#workers ||= workersOfPrimary();
      if (tables.length === 0) return undefined;
      const found = tables.reduce((sum, table) => sum + (table.match(this.#pattern)?.length ?? 0), 0);
      return Math.round(found / this.#workers);
    });
  }
}

/** Returns the number of children of the primary. If the kernel does not list them, one worker per core is assumed. */
export function workersOfPrimary(): number {
  const file = `/proc/${process.ppid}/task/${process.ppid}/children`;
  const children = attempt(() => readFileSync(file, 'latin1').trim().split(' ').length);
  return Math.max(1, children ?? availableCpus());
}
