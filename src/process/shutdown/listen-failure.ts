import type { Server } from 'node:http';

type Listener = ((...args: never[]) => void) & { called?: boolean };

/**
 * Calls back when a server cannot listen and nobody noticed: Express 5 hands the error to the callback of `listen`,
 * which most apps write without a parameter, and the process then exits 0. Express's wrapper of that callback, and
 * ours, carry `called`; a listener of the app's own is kept. Returns its undo.
 */
export function watchListenFailure(
  server: Server,
  onFailure: (error: NodeJS.ErrnoException) => void,
): () => void {
  function onError(error: NodeJS.ErrnoException): void {
    if (server.listening) return;
    const others = (server.listeners('error') as Listener[]).filter((listener) => listener !== onError);
    // alone, it would hide what Node throws
    if (others.length === 0) throw error;
    if (others.every((listener) => 'called' in listener)) onFailure(error);
  }
  server.prependListener('error', onError);
  return () => server.off('error', onError);
}
