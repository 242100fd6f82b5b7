import type { Server } from 'node:http';
import type { Lifecycle } from '../../support/lifecycle.js';
import { logLine } from '../../support/logger-adapter.js';
import { clusterWorker, onParentMessage } from '../../support/parent-process.js';
import type { PartLogger } from '../../support/part-logger.js';
import { lifecyclesOf } from '../../support/server-lifecycle.js';
import { findOrchestrator } from '../orchestrator/index.js';
import { Connections } from './connections.js';
import { announce, destroyOpen, drain } from './drain.js';
import { endProcess, isEnding, type Member, members } from './ending.js';
import { awaitReadiness, becomeReady, giveUpReadiness, whenReady } from './readiness.js';
import type { ShutdownSettings } from './shutdown-settings.js';

type Listener = ((...args: never[]) => void) & { called?: boolean };

/** Adds a member to the shutdown of the process. Its servers are added as they become known. */
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
  let stopListening: (() => void) | undefined;

  /** A member is in the process-wide set as long as one of its servers listens. */
  const enter = (): void => {
    members.add(member);
    stopListening ??= listenToParent();
  };
  const exit = (): void => {
    members.delete(member);
    stopListening?.();
    stopListening = undefined;
  };

  const add = (server: Server): void => {
    if (servers.has(server)) return;
    servers.add(server);
    const unwatchConnections = Connections.watch(server);
    const onListening = (): void => {
      if (isEnding()) {
        server.close();
        return;
      }
      enter();
      if (settings.ready) awaitReadiness(server);
    };
    const onClose = (): void => {
      giveUpReadiness(server);
      if (!isEnding() && ![...servers].some(({ listening }) => listening)) exit();
    };
    if (server.listening) onListening();
    server.on('listening', onListening);
    server.on('close', onClose);
    const unwatch = watchListenFailure(server, (error) => onListenFailure(settings.logger, error));
    const unready = whenReady(
      server,
      () => lifecyclesOf(server),
      () => settings.ready && becomeReady(server),
    );
    undo.set(server, () => {
      giveUpReadiness(server);
      server.off('listening', onListening);
      server.off('close', onClose);
      unwatch();
      unready();
      unwatchConnections();
    });
  };
  const leave = (): void => {
    exit();
    for (const undoServer of undo.values()) undoServer();
    undo.clear();
    servers.clear();
  };
  return {
    add,
    leave,
    async close() {
      announce(member);
      await drain(member, settings.quietMs, AbortSignal.timeout(settings.timeoutMs));
      const open = destroyOpen(member);
      if (open.length > 0) {
        settings.logger.warn(
          { reason: 'close', open },
          `close: closed after ${settings.timeoutMs} ms: ${open.join(', ')}`,
        );
      }
    },
  };
}

function listenToParent(): () => void {
  if (clusterWorker() === undefined && findOrchestrator().name !== 'PM2') return () => {};
  return onParentMessage((message) => {
    if (message === 'shutdown') endProcess({ reason: 'the message shutdown' });
  });
}

function onListenFailure(logger: PartLogger, error: NodeJS.ErrnoException): void {
  const message = `listening failed: ${error.code ?? error.message}`;
  logLine(logger, 'error', { reason: 'listen' }, `${message} (${error.message})`);
  endProcess({ reason: message, code: 1, now: true });
}

/**
 * Calls back when a server cannot listen and the app does not handle the error. Express 5 passes the error to the
 * callback of `listen`. Most apps declare that callback without a parameter, and the process then exits 0. Express's
 * wrapper of that callback and ours have the property `called`. A listener without it belongs to the app, which then
 * handles the error. Returns its undo.
 */
function watchListenFailure(server: Server, onFailure: (error: NodeJS.ErrnoException) => void): () => void {
  function onError(error: NodeJS.ErrnoException): void {
    if (server.listening) return;
    const others = (server.listeners('error') as Listener[]).filter((listener) => listener !== onError);
    // without another listener, Node would throw
    if (others.length === 0) throw error;
    if (others.every((listener) => 'called' in listener)) onFailure(error);
  }
  server.prependListener('error', onError);
  return () => server.off('error', onError);
}
