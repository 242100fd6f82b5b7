import type { Server } from 'node:http';
import type { Lifecycle } from '../lifecycle.js';
import { debugFor } from '../support/debug.js';
import { clusterWorker, onParentMessage } from './cluster-worker.js';
import { Connections } from './connections.js';
import { announce, cut, drain } from './drain.js';
import { endProcess, isEnding, type Member, members, type ShutdownLog } from './ending.js';
import { watchListenFailure } from './listen-failure.js';
import { findOrchestrator } from './orchestrator.js';
import { whenReady } from './ready.js';
import { lifecyclesOf } from './server-lifecycle.js';
import type { ShutdownSettings } from './settings.js';

const debug = debugFor('graceful-shutdown');

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

function failListen(log: ShutdownLog, error: NodeJS.ErrnoException): void {
  const message = `listening failed: ${error.code ?? error.message}`;
  log({ level: 'error', reason: 'listen', message: `${message} (${error.message})` });
  endProcess({ reason: message, code: 1, now: true });
}
