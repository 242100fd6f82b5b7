import type { Server } from 'node:http';
import { ProductionizeError, quote } from '../../support/errors.js';
import { checkOptions, isFunction, isMilliseconds } from '../../support/options.js';
import { trackServer } from '../../support/server-lifecycle.js';
import { type Hook, type HookOptions, hooks, makeHook, type ShutdownHook } from './hooks.js';
import { joinShutdown } from './membership.js';
import { type GracefulShutdownOptions, isServer, resolveShutdown } from './shutdown-settings.js';
import { listenForSignals } from './signals.js';

export type { GracefulShutdownOptions, HookOptions, ShutdownHook };

/** A running shutdown. */
export interface GracefulShutdown {
  /**
   * Closes the servers as a signal would, without the delay and without ending the process, then uninstalls. Hooks do
   * not run, because they are for the end of the process.
   */
  close(): Promise<void>;
  /** Removes all listeners, timers and properties that were added. */
  uninstall(): void;
}

/**
 * Ends the process without losing a request on SIGTERM, SIGINT, and the message `shutdown` of PM2 or of a cluster's
 * primary. A worker also ends when its primary exits. In order:
 *
 * 1. Readiness becomes 503, and every further response has `Connection: close`.
 * 2. Requests are accepted for another `delayMs`.
 * 3. The listener closes once the kernel's accept queue is empty: no connection is reset, and requests already sent get
 *    a response. Event streams end, and {@link onDrain} hooks run: close WebSockets there.
 * 4. Requests in flight finish. Idle connections stay open meanwhile for a last request.
 * 5. {@link onShutdown} hooks run, the last registered first.
 * 6. The log is flushed and the process exits 0. Requests still open `timeoutMs` after the delay are closed and logged
 *    by method and route pattern, and the process exits 1.
 *
 * A second signal within 5 s has no effect, because npm, tini and tree kills send two. A third one, a later one, or a
 * second Ctrl-C on a terminal ends the process immediately. An uncaught error during the shutdown sets the exit code 1.
 *
 * @throws ProductionizeError when an option is invalid or no server is given.
 * @see https://nodejs.org/api/process.html#signal-events
 * @example
 * gracefulShutdown(app.listen(3000), { delayMs: 5000 })
 * onShutdown(() => pool.end())
 */
export function gracefulShutdown(
  server: Server | readonly Server[],
  options?: GracefulShutdownOptions,
): GracefulShutdown {
  const servers = [server].flat() as Server[];
  if (servers.length === 0 || servers.some((item) => isServer(item) !== undefined)) {
    throw new ProductionizeError(
      'ERR_PRODUCTIONIZE_SERVER',
      `gracefulShutdown: expected a server or an array of servers, got ${quote(server)}. Pass what app.listen() returned.`,
    );
  }
  const settings = resolveShutdown(options);
  const release = listenForSignals(true, settings);
  const joined = joinShutdown(new Set(), settings);
  const tracked = servers.map((item) => {
    const { lifecycle, release } = trackServer(item);
    lifecycle.maxRequestsPerConnection = settings.maxRequestsPerConnection;
    return release;
  });
  for (const item of servers) joined.add(item);
  const uninstall = (): void => {
    release();
    joined.leave();
    for (const untrack of tracked) untrack();
  };
  return {
    async close() {
      await joined.close();
      uninstall();
    },
    uninstall,
  };
}

/**
 * Runs a function when the process ends. At that time the listener is closed, and the newest connections have sent
 * their first request (at most 250 ms later). Close WebSockets with 1001 or 1012 and stop consumers of queues here.
 * Later requests to upgrade get 503. Returns its undo.
 *
 * @example
 * onDrain(() => { for (const client of wss.clients) client.close(1012) })
 */
export function onDrain(run: ShutdownHook, options?: HookOptions): () => void {
  return addHook('onDrain', hooks.drain, run, options);
}

/**
 * Runs a function when the process ends and the last response is closed. End database pools here. The function that was
 * registered last runs first. A function that hangs or throws is logged by its name, and the others still run. Returns
 * its undo.
 *
 * @example
 * onShutdown(() => pool.end(), { name: 'postgres', timeoutMs: 2000 })
 */
export function onShutdown(run: ShutdownHook, options?: HookOptions): () => void {
  return addHook('onShutdown', hooks.shutdown, run, options);
}

function addHook(
  name: string,
  set: Set<Hook>,
  run: ShutdownHook,
  options: HookOptions | undefined,
): () => void {
  checkOptions<{ hook?: ShutdownHook }>(name, { hook: run }, { hook: isFunction });
  const hook = makeHook(
    run,
    checkOptions(name, options, {
      name: (value) => (typeof value === 'string' ? undefined : 'a string'),
      timeoutMs: isMilliseconds(),
    }),
  );
  set.add(hook);
  return () => set.delete(hook);
}
