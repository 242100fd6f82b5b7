import type { ServerResponse } from 'node:http';
import { Socket } from 'node:net';

/**
 * Ends the connection of an answer that cannot be completed. Where nothing but the end of the connection marks the
 * end of the body (HTTP/1.0), a regular close would say "complete", so that one is a TCP reset.
 */
export function resetResponse(res: ServerResponse): void {
  const { socket } = res;
  const closeDelimited = !res.chunkedEncoding && !res.hasHeader('Content-Length');
  if (closeDelimited && socket instanceof Socket) {
    try {
      socket.resetAndDestroy();
    } catch {
      // only TCP has a reset: TLS and unix sockets are closed below
    }
  }
  res.destroy();
}
