import type { Server } from 'node:http';
import { debugFor } from '../../support/debug.js';
import type { Lifecycle } from '../../support/lifecycle.js';
import { processWide } from '../../support/process-wide.js';
import { readinessKey } from '../../support/symbols.js';
import { isOurWorker, readyMessage, sendToParent } from '../cluster/worker-protocol.js';
import { findOrchestrator } from '../orchestrator/index.js';
import { notifyServiceReady } from '../systemd/service-manager.js';

const debug = debugFor('graceful-shutdown');

/** Milliseconds between two runs of the health checks. */
const recheckMs = 250;

/** Servers that listen and are not ready. The parent process is notified once, when all are ready. */
const readiness = processWide(readinessKey, () => ({ waiting: new Set<Server>(), announced: false }));

/** Records that a server listens. The process is not ready until the health checks of this server pass. */
export function awaitReadiness(server: Server): void {
  readiness.waiting.add(server);
}

/** Records that a server is ready. The parent process is notified when all servers are. */
export function becomeReady(server: Server): void {
  readiness.waiting.delete(server);
  if (readiness.announced || readiness.waiting.size > 0) return;
  readiness.announced = true;
  notifyServiceReady(`listening on ${nameOf(server)}`);
  notifyParent();
}

/** Stops waiting for a server that was closed before it was ready. */
export function giveUpReadiness(server: Server): void {
  readiness.waiting.delete(server);
}

function nameOf(server: Server): string {
  const address = server.address();
  return typeof address === 'object' && address !== null ? `port ${address.port}` : String(address);
}

function notifyParent(): void {
  if (isOurWorker()) sendToParent({ productionize: 'ready' });
  else if (findOrchestrator().name === 'PM2') sendToParent(readyMessage);
  else debug(() => ['the parent is neither PM2 nor runCluster: ready is not sent']);
}

/**
 * Calls back once, when a server listens, its apps are ready, and every gate of the apps resolves with true. Health
 * checks add a gate. Does not call back when the process drains first. Returns its undo.
 */
export function whenReady(
  server: Server,
  lifecycles: () => Iterable<Lifecycle>,
  onReady: () => void,
): () => void {
  let timer: NodeJS.Timeout | undefined;
  let undone = false;
  const check = async (): Promise<void> => {
    const lives = [...lifecycles()];
    if (undone || lives.some(({ state }) => state === 'draining')) return;
    const results = lives.flatMap(({ gates }) => [...gates]).map((gate) => gate().catch(() => false));
    const open = (await Promise.all(results)).every(Boolean);
    if (undone) return;
    if (open && lives.every(({ state }) => state === 'ready')) onReady();
    else timer = setTimeout(check, recheckMs).unref();
  };
  // one turn later, all other listeners for `listening` have run
  const onListening = (): void => void setImmediate(check);
  if (server.listening) onListening();
  else server.once('listening', onListening);
  return () => {
    undone = true;
    clearTimeout(timer);
    server.off('listening', onListening);
  };
}
