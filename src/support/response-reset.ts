import type { ServerResponse } from 'node:http';
import { Socket } from 'node:net';
import { streamOf } from './response-state.js';

/** INTERNAL_ERROR of RFC 9113 section 7. */
const internalError = 2;

/**
 * Ends the connection of an answer that cannot be completed. Where nothing but the end of the connection marks the
 * end of the body (HTTP/1.0), a regular close would say "complete", so that one is a TCP reset. Over HTTP/2 it is the
 * stream that ends, by an error: without one, what was sent would look complete, and the connection is that of others, too.
 */
export function resetResponse(res: ServerResponse): void {
  const stream = streamOf(res);
  if (stream !== undefined) {
    stream.close(internalError);
    return;
  }
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
