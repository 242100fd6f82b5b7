import type { Server } from 'node:http';
import type { Socket } from 'node:net';
import { undoAll } from '../../support/attachment.js';
import { wrapMethod } from '../../support/replace-method.js';
import { Connections } from './connections.js';

const refusal = 'HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\nContent-Length: 0\r\n\r\n';

/**
 * Responds with 503 to further upgrade requests, and to pending ones without a response of the app. Returns its undo.
 * The app's listeners for `upgrade` stay registered, because the app may remove its own during the shutdown.
 */
export function refuseUpgrades(servers: Iterable<Server>): () => void {
  const undo: (() => void)[] = [];
  for (const server of servers) {
    for (const socket of Connections.of(server)?.handshakes() ?? []) refuse(socket);
    undo.push(
      wrapMethod<Server['emit']>(server, 'emit', (emit) => {
        return function emitExceptUpgrades(this: Server, event: string, ...args: unknown[]): boolean {
          if (event !== 'upgrade') return (emit as (...all: unknown[]) => boolean).call(this, event, ...args);
          refuse(args[1] as Socket);
          return true;
        };
      }),
    );
  }
  return undoAll(undo);
}

function refuse(socket: Socket): void {
  // the app has no error listener on this connection
  socket.on('error', () => {});
  socket.end(refusal);
  // Node emits `end` only when the data of the socket is read
  socket.resume();
}
