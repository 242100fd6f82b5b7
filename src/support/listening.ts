import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import type { Server } from 'node:http';

const channel = 'tracing:net.server.listen:asyncStart';

/** Calls a function for each server of the process that starts to listen. Returns its undo. */
export function onServerListen(notify: (server: Server) => void): () => void {
  const receive = (message: unknown): void => notify((message as { readonly server: Server }).server);
  subscribe(channel, receive);
  return () => void unsubscribe(channel, receive);
}
