import { ProductionizeError, quote } from '../../support/errors.js';
import { type InheritedSocket, inheritedSockets as inherited } from './inherited-sockets.js';
import { attachServiceManager, notifyServiceManager } from './service-manager.js';

export type { InheritedSocket };

/**
 * Sends fields of sd_notify(3) to the service manager that started this process, such as systemd with `Type=notify`. A
 * productionized app, `gracefulShutdown` and the primary of `runCluster` already send `READY=1`, `STOPPING=1`,
 * `EXTEND_TIMEOUT_USEC=` and `WATCHDOG=1`. The first call removes `NOTIFY_SOCKET` and `WATCHDOG_USEC` from
 * `process.env`, and starts the heartbeat that `WATCHDOG_USEC` requires. Returns whether a service manager listens. It
 * returns false in a cluster worker, because the primary notifies the service manager for all workers.
 *
 * @throws ProductionizeError when a value is not one line of text, or a name is not a field name.
 * @see https://www.freedesktop.org/software/systemd/man/latest/sd_notify.html
 * @example
 * notifySystemd({ STATUS: 'warming the cache' })
 */
export function notifySystemd(fields: Readonly<Record<string, string>>): boolean {
  const lines = Object.entries(Object(fields) as object).map(([name, value]) => {
    if (/^[A-Z][A-Z0-9_]*$/.test(name) && typeof value === 'string' && !/[\n\0]/.test(value)) {
      return `${name}=${value}`;
    }
    throw new ProductionizeError(
      'ERR_PRODUCTIONIZE_OPTION',
      `notifySystemd: expected fields such as STATUS with a text of one line, got ${quote({ [name]: value })}.`,
    );
  });
  if (lines.length === 0) {
    throw new ProductionizeError(
      'ERR_PRODUCTIONIZE_OPTION',
      `notifySystemd: expected an object with at least one field, got ${quote(fields)}.`,
    );
  }
  attachServiceManager();
  return notifyServiceManager(lines.join('\n'));
}

/**
 * The listening sockets that the service manager passed to this process (socket activation, `LISTEN_FDS`); an empty
 * list where it passed none. `app.listen` of a productionized app and servers of `createServer` use them automatically.
 * Call this function for other servers. It removes the variables from `process.env`.
 *
 * @throws ProductionizeError when the variables are meant for this process and are invalid.
 * @see https://www.freedesktop.org/software/systemd/man/latest/sd_listen_fds.html
 * @example
 * const [socket] = inheritedSockets()
 * server.listen(socket ? { fd: socket.fd } : 3000)
 */
export function inheritedSockets(): readonly InheritedSocket[] {
  return inherited();
}
