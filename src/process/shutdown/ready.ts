import type { Server } from 'node:http';
import type { Lifecycle } from '../../support/lifecycle.js';

const againMs = 250;

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
