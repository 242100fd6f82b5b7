import { ProductionizeError, quote } from '../../support/errors.js';
import { type InheritedSocket, inheritedSockets as inherited } from './inherited-sockets.js';
import { attachServiceManager, tellServiceManager } from './service-manager.js';

export type { InheritedSocket };

/**
 * Sends fields of sd_notify(3) to the service manager that started this process, such as systemd with `Type=notify`.
 * `READY=1`, `STOPPING=1`, `EXTEND_TIMEOUT_USEC=` and `WATCHDOG=1` are sent by a productionized app, by
 * `gracefulShutdown` and by the primary of `runCluster` themselves. The first call takes `NOTIFY_SOCKET` and
 * `WATCHDOG_USEC` out of `process.env`, and starts the heartbeat if one is asked for. Returns whether a service manager
 * listens; false in a cluster worker, whose primary notifies it for all.
 *
 * @throws ProductionizeError when a field has a line break or a name that is none.
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
  return tellServiceManager(lines.join('\n'));
}

/**
 * The listening sockets that the service manager passed to this process (socket activation, `LISTEN_FDS`); an empty
 * list where it passed none. `app.listen` of a productionized app, and servers of `createServer`, use them by
 * themselves; this is for other servers. Takes the variables out of `process.env`.
 *
 * @throws ProductionizeError when the variables are meant for this process, and wrong.
 * @see https://www.freedesktop.org/software/systemd/man/latest/sd_listen_fds.html
 * @example
 * const [socket] = inheritedSockets()
 * server.listen(socket ? { fd: socket.fd } : 3000)
 */
export function inheritedSockets(): readonly InheritedSocket[] {
  return inherited();
}
