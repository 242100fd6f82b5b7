import cluster from 'node:cluster';
import { readFileSync } from 'node:fs';
import type { Server } from 'node:net';
import { socketTables } from '../../support/listening-sockets.js';
import { unobserved } from '../../support/unobserved.js';
import { workersOfPrimary } from './workers-of-primary.js';

/**
 * A worker's share of the connections with unread data. Where the primary of a cluster accepts, it passes its workers one
 * connection at a time and holds the others: no accept queue fills, and no worker is delayed. Only the kernel's table
 * shows that they wait: established connections with a `rx_queue` above zero.
 */
export class UnreadConnections {
  // reading the whole table takes milliseconds, or dozens of them after thousands of connections were closed
  readonly readShare = 0.1;
  readonly #pattern: RegExp;
  #workers = 0;

  private constructor(port: number) {
    const local = port.toString(16).toUpperCase().padStart(4, '0');
    this.#pattern = new RegExp(`:${local} [\\dA-F]+:[\\dA-F]{4} 01 [\\dA-F]{8}:(?!0{8})`, 'g');
  }

  /** Those of a server in a worker whose primary accepts connections; else `undefined`. */
  static of(server: Server): UnreadConnections | undefined {
    const address = server.address();
    if (!cluster.isWorker || address === null || typeof address === 'string') return undefined;
    return new UnreadConnections(address.port);
  }

  /** The share of this worker; `undefined` when the table cannot be read. */
  length(): number | undefined {
    return unobserved(() => {
      let found: number | undefined;
      for (const file of socketTables) {
        try {
          found = (found ?? 0) + (readFileSync(file, 'latin1').match(this.#pattern)?.length ?? 0);
        } catch {
          // no IPv6, or no /proc
        }
      }
      this.#workers ||= workersOfPrimary();
      return found === undefined ? undefined : Math.round(found / this.#workers);
    });
  }
}
