import { readFileSync } from 'node:fs';
import { unobserved } from './unobserved.js';

// local address and port, remote port 0, state 0A (LISTEN), tx_queue:rx_queue
const listening = /:([0-9A-F]{4}) [0-9A-F]+:0000 0A [0-9A-F]{8}:([0-9A-F]{8})/g;

/**
 * Connections the kernel has accepted on listening ports of this machine and the process has not taken yet;
 * `undefined` where the system does not say. For a listening socket the kernel gives their number as `rx_queue`
 * (https://docs.kernel.org/networking/proc_net_tcp.html).
 */
export function acceptQueueLength(ports: ReadonlySet<number>): number | undefined {
  let found = false;
  let waiting = 0;
  for (const table of ['/proc/net/tcp', '/proc/net/tcp6']) {
    let text: string;
    try {
      text = unobserved(() => readFileSync(table, 'latin1'));
    } catch {
      continue;
    }
    for (const [, port, queue] of text.matchAll(listening)) {
      if (!ports.has(Number.parseInt(port as string, 16))) continue;
      found = true;
      waiting += Number.parseInt(queue as string, 16);
    }
  }
  return found ? waiting : undefined;
}
