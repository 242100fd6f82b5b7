import type { Server } from 'node:http';
import { ProductionizeError, quote, warnOnce } from './errors.js';
import type { Lifecycle } from './lifecycle.js';
import { type Check, checkOptions, isBoolean, isFunction, isInteger } from './options.js';
import { clusterWorker, onParentMessage } from './shutdown/cluster-worker.js';
import { Connections } from './shutdown/connections.js';
import { announce, cut, drain } from './shutdown/drain.js';
import {
  endProcess,
  isEnding,
  type Member,
  members,
  type ShutdownLine,
  type ShutdownLog,
} from './shutdown/ending.js';
import { type HookOptions, hooks, makeHook, type ShutdownHook } from './shutdown/hooks.js';
import { watchListenFailure } from './shutdown/listen-failure.js';
import { warnOfNpmStart } from './shutdown/npm-start.js';
import { findOrchestrator, marginOf } from './shutdown/orchestrator.js';
import { whenReady } from './shutdown/ready.js';
import { lifecyclesOf, trackServer } from './shutdown/server-lifecycle.js';
import { listenForSignals } from './shutdown/signals.js';
import { debugFor } from './support/debug.js';
import { readEnvironment } from './support/environment.js';

export type { HookOptions, ShutdownHook, ShutdownLine, ShutdownLog };

const debug = debugFor('graceful-shutdown');

/** Options of {@link gracefulShutdown}. */
export interface GracefulShutdownOptions {
  /**
   * Milliseconds requests are still accepted after the signal, for a balancer that has not heard yet. Readiness says
   * no at once.
   * @default 5000 in Kubernetes and ECS, else 0; 0 where NODE_ENV is not production
   */
  readonly delayMs?: number;
  /**
   * Milliseconds from the end of the delay until what is still open is cut and the process exits 1.
   * @default the orchestrator's grace less the delay and a margin (5 %, 300 ms to 1 s)
   */
  readonly timeoutMs?: number;
  /**
   * Milliseconds between the orchestrator's signal and its SIGKILL.
   * @default what PM2 or systemd tell; else 30000 in Kubernetes and ECS, 90000 under systemd, 1600 under PM2, 10000
   */
  readonly graceMs?: number;
  /**
   * Milliseconds of silence after which an idle connection is closed, once the listener is closed and nothing is in
   * flight.
   * @default 30; 500 in a cluster worker and under PM2, where others serve meanwhile
   */
  readonly quietMs?: number;
  /**
   * Servers that answer until the very end, such as one for health and metrics.
   * @default []
   */
  readonly adminServers?: Server | readonly Server[];
  /**
   * Whether a parent that waits for it gets the message `ready` once the server listens and its health checks pass:
   * PM2 with `wait_ready`, or the primary of a cluster.
   * @default true
   */
  readonly ready?: boolean;
  /**
   * Takes the lines about the end of the process.
   * @default one line each on stderr
   */
  readonly log?: ShutdownLog;
}

/** A running shutdown. */
export interface GracefulShutdown {
  /**
   * Closes the servers as a signal would, without the delay and without ending the process, then detaches. Hooks are
   * for the end of the process and do not run.
   */
  close(): Promise<void>;
  /** Detaches everything: listeners, timers, marks. */
  uninstall(): void;
}

/** The options of one shutdown, checked and filled in. */
export interface ShutdownSettings
  extends Required<Pick<GracefulShutdownOptions, 'delayMs' | 'timeoutMs' | 'quietMs' | 'ready' | 'log'>> {
  readonly adminServers: ReadonlySet<Server>;
  readonly flush: () => Promise<void>;
}

const isServer: Check = (value) =>
  typeof (value as Server | null)?.close === 'function' && typeof (value as Server).on === 'function'
    ? undefined
    : 'a server';

const isServers: Check = (value) =>
  [value].flat().every((item) => isServer(item) === undefined)
    ? undefined
    : 'a server or an array of servers';

const isMilliseconds = isInteger('milliseconds', 0, 2 ** 31 - 1);

/**
 * Ends the process without losing a request, on SIGTERM, SIGINT, the message `shutdown` of PM2 or of a cluster's
 * primary, and the loss of that primary. In order:
 *
 * 1. Readiness turns 503, and every answer carries `Connection: close` from here on.
 * 2. Requests are accepted for `delayMs` more.
 * 3. The listener closes once the kernel's accept queue is empty; nobody is reset, and requests that are sent already
 *    are answered. Streams of events end, and {@link onDrain} hooks run: WebSockets are told there.
 * 4. What is in flight finishes. Idle connections stay for a last request meanwhile.
 * 5. {@link onShutdown} hooks run, the last registered first.
 * 6. The log is written and the process exits 0. What is open `timeoutMs` after the delay is cut and named by method
 *    and route pattern, and the process exits 1.
 *
 * A second signal within 5 s changes nothing (npm, tini and tree kills send two); a third, one later than that, or a
 * second Ctrl-C on a terminal ends the process now. An uncaught error meanwhile makes the exit code 1.
 *
 * @throws ProductionizeError when an option is wrong or no server is given.
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
  const tracked = servers.map((item) => trackServer(item).release);
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
 * Runs a function when the process ends and requests are accepted no longer: close WebSockets with 1001 or 1012 and
 * stop consumers of queues here. Returns its undo.
 *
 * @example
 * onDrain(() => { for (const client of wss.clients) client.close(1012) })
 */
export function onDrain(run: ShutdownHook, options?: HookOptions): () => void {
  return addHook('onDrain', hooks.drain, run, options);
}

/**
 * Runs a function when the process ends and the last response closed: end pools of databases here. The function that
 * was registered last runs first; one that hangs or throws is named in the log, and the others still run. Returns its
 * undo.
 *
 * @example
 * onShutdown(() => pool.end(), { name: 'postgres', timeoutMs: 2000 })
 */
export function onShutdown(run: ShutdownHook, options?: HookOptions): () => void {
  return addHook('onShutdown', hooks.shutdown, run, options);
}

function addHook(
  name: string,
  set: Set<ReturnType<typeof makeHook>>,
  run: ShutdownHook,
  options: HookOptions | undefined,
): () => void {
  checkOptions<{ hook?: ShutdownHook }>(name, { hook: run }, { hook: isFunction });
  const hook = makeHook(
    run,
    checkOptions(name, options, {
      name: (value) => (typeof value === 'string' ? undefined : 'a string'),
      timeoutMs: isMilliseconds,
    }),
  );
  set.add(hook);
  return () => set.delete(hook);
}

/** Checks the options of {@link gracefulShutdown} and fills in the defaults of the environment. */
export function resolveShutdown(
  options?: GracefulShutdownOptions,
  flush: () => Promise<void> = async () => {},
): ShutdownSettings {
  const orchestrator = findOrchestrator();
  if (clusterWorker() === undefined) warnOfNpmStart();
  const managed = orchestrator.name === 'PM2' || clusterWorker() !== undefined;
  const given = checkOptions('gracefulShutdown', options, {
    delayMs: isMilliseconds,
    timeoutMs: isMilliseconds,
    graceMs: isInteger('milliseconds', 1, 2 ** 31 - 1),
    quietMs: isMilliseconds,
    adminServers: isServers,
    ready: isBoolean,
    log: isFunction,
  });
  const graceMs = given.graceMs ?? orchestrator.graceMs;
  const usualDelay = readEnvironment().mode === 'production' ? orchestrator.delayMs : 0;
  const { delayMs = usualDelay, quietMs = managed ? 500 : 30, ready = true, log = printLine } = given;
  const { timeoutMs = Math.max(0, graceMs - delayMs - marginOf(graceMs)) } = given;
  if (delayMs + timeoutMs > graceMs && (orchestrator.told || given.graceMs !== undefined)) {
    warnOnce(
      'ERR_PRODUCTIONIZE_GRACE',
      `gracefulShutdown may take ${delayMs + timeoutMs} ms (delayMs ${delayMs} + timeoutMs ${timeoutMs}), but ${
        given.graceMs === undefined ? orchestrator.name : 'the orchestrator'
      } kills the process after ${graceMs} ms. Shorten them or raise its limit.`,
    );
  }
  const adminServers = new Set([given.adminServers ?? []].flat() as Server[]);
  return { delayMs, timeoutMs, quietMs, ready, log, adminServers, flush };
}

/** Takes part in the end of the process with servers that are added as they appear. */
export function joinShutdown(
  lifecycles: ReadonlySet<Lifecycle>,
  settings: ShutdownSettings,
): { add(server: Server): void; close(): Promise<void>; leave(): void } {
  const servers = new Set<Server>();
  const undo = new Map<Server, () => void>();
  const member: Member = {
    ...settings,
    servers,
    lifecycles,
    adminServers: { servers: settings.adminServers, lifecycles: new Set() },
  };
  let unhear: (() => void) | undefined;
  let told = false;

  /** The servers of a member that listen keep it in the process-wide set, and nothing else does. */
  const enter = (): void => {
    members.add(member);
    unhear ??= hearParent();
  };
  const exit = (): void => {
    members.delete(member);
    unhear?.();
    unhear = undefined;
  };

  const add = (server: Server): void => {
    if (servers.has(server)) return;
    servers.add(server);
    const connections = Connections.watch(server);
    const onListening = (): void => {
      if (isEnding()) server.close();
      else enter();
    };
    const onClose = (): void => {
      if (!isEnding() && ![...servers].some(({ listening }) => listening)) exit();
    };
    if (server.listening) onListening();
    server.on('listening', onListening);
    server.on('close', onClose);
    const unwatch = watchListenFailure(server, (error) => failListen(settings.log, error));
    const unready = whenReady(
      server,
      () => lifecyclesOf(server),
      () => {
        if (told || !settings.ready) return;
        told = true;
        tellReady();
      },
    );
    undo.set(server, () => {
      server.off('listening', onListening);
      server.off('close', onClose);
      unwatch();
      unready();
      connections.release();
    });
  };
  const leave = (): void => {
    exit();
    for (const put of undo.values()) put();
    undo.clear();
    servers.clear();
  };
  return {
    add,
    leave,
    async close() {
      announce(member);
      await drain(member, settings.quietMs, AbortSignal.timeout(settings.timeoutMs));
      const open = cut(member);
      if (open.length > 0) {
        settings.log({ level: 'warn', reason: 'close', open, message: `close: cut ${open.join(', ')}` });
      }
    },
  };
}

function hearParent(): () => void {
  if (clusterWorker() === undefined && findOrchestrator().name !== 'PM2') return () => {};
  return onParentMessage((message) => {
    if (message === 'shutdown') endProcess({ reason: 'the message shutdown' });
  });
}

function tellReady(): void {
  if (process.send === undefined) return;
  if (clusterWorker() === undefined && findOrchestrator().name !== 'PM2') {
    debug(() => ['the parent is neither PM2 nor a cluster: ready is not sent']);
    return;
  }
  process.send('ready', undefined, undefined, () => {});
}

/** Where nothing else goes on, Node ends the process now, with this code; else it gets the time of a second try. */
function failListen(log: ShutdownLog, error: NodeJS.ErrnoException): void {
  const message = `listening failed: ${error.code ?? error.message}`;
  log({ level: 'error', reason: 'listen', message: `${message} (${error.message})` });
  endProcess({ reason: message, code: 1, now: true });
}

function printLine({ message }: ShutdownLine): void {
  process.stderr.write(`${message}\n`);
}
