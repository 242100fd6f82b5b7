import type { Server } from 'node:http';
import { debugFor } from '../../support/debug.js';
import type { Lifecycle } from '../../support/lifecycle.js';
import { processWide } from '../../support/process-wide.js';
import { readinessKey } from '../../support/symbols.js';
import { isOurWorker, readyMessage, type WorkerMessage } from '../cluster/worker-protocol.js';
import { findOrchestrator } from '../orchestrator/index.js';
import { tellServiceReady } from '../systemd/service-manager.js';

const debug = debugFor('graceful-shutdown');

/** Health checks are asked again after this time. */
const againMs = 250;

/** Servers of this process that listen and are not ready; who waits for this process hears once, when all are. */
const readiness = processWide(readinessKey, () => ({ waiting: new Set<Server>(), told: false }));

/** A server listens, and whoever waits for this process waits for its health checks, too. */
export function awaitReadiness(server: Server): void {
  readiness.waiting.add(server);
}

/** A server is ready. The last of them announces the process. */
export function becomeReady(server: Server): void {
  readiness.waiting.delete(server);
  if (readiness.told || readiness.waiting.size > 0) return;
  readiness.told = true;
  tellServiceReady(`listening on ${nameOf(server)}`);
  tellParent();
}

/** A server is gone before it was ready. */
export function giveUpReadiness(server: Server): void {
  readiness.waiting.delete(server);
}

function nameOf(server: Server): string {
  const address = server.address();
  return typeof address === 'object' && address !== null ? `port ${address.port}` : String(address);
}

function tellParent(): void {
  if (isOurWorker()) send({ productionize: 'ready' });
  else if (findOrchestrator().name === 'PM2') send(readyMessage);
  else debug(() => ['the parent is neither PM2 nor runCluster: ready is not sent']);
}

function send(message: WorkerMessage | typeof readyMessage): void {
  // the callback keeps a broken channel from becoming an error event
  process.send?.(message, undefined, undefined, () => {});
}

/**
 * Calls back once, when a server listens, its app stands, and every gate of the app says yes; health checks add one.
 * Never when the process drains first. Returns its undo.
 */
export function whenReady(
  server: Server,
  lifecycles: () => Iterable<Lifecycle>,
  onReady: () => void,
): () => void {
  let timer: NodeJS.Timeout | undefined;
  let undone = false;
  const ask = async (): Promise<void> => {
    const lives = [...lifecycles()];
    if (undone || lives.some(({ state }) => state === 'draining')) return;
    const answers = lives.flatMap(({ gates }) => [...gates]).map((gate) => gate().catch(() => false));
    const open = (await Promise.all(answers)).every(Boolean);
    if (undone) return;
    if (open && lives.every(({ state }) => state === 'ready')) onReady();
    else timer = setTimeout(ask, againMs).unref();
  };
  // a turn later every other listener for `listening` has run
  const onListening = (): void => void setImmediate(ask);
  if (server.listening) onListening();
  else server.once('listening', onListening);
  return () => {
    undone = true;
    clearTimeout(timer);
    server.off('listening', onListening);
  };
}
