import type { ServerResponse } from 'node:http';
import { Socket } from 'node:net';
import { streamOf } from './response-state.js';

/** INTERNAL_ERROR of RFC 9113 section 7. */
const internalError = 2;

/**
 * Ends the connection of a response that cannot be completed. In HTTP/1.0, the end of the connection marks the end of
 * the body. A regular close would therefore mean "complete", so the connection is ended by a TCP reset. Over HTTP/2,
 * the stream ends with an error. Without an error the response would look complete, and the connection carries other
 * responses, too.
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
      // only TCP sockets can be reset; TLS and Unix sockets are closed below
    }
  }
  res.destroy();
}
