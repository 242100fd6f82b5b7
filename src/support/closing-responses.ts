import { randomInt } from 'node:crypto';
import type { ServerResponse } from 'node:http';
import { isFollowed } from './pipelined-responses.js';
import { responseHooks } from './response-hooks.js';

/** Clients of an event stream reconnect after a random time between these, in milliseconds. */
const retryMs = [1000, 5000] as const;

const closing = responseHooks(Symbol('closing'));

/**
 * Lets the connection of a response end with it (RFC 9112, 9.6), whichever way its head is written: with headers set
 * before, given to `writeHead`, or copied from an upstream that keeps its own connection alive.
 */
export function closeAfterResponse(res: ServerResponse): void {
  // HTTP/2 has no Connection header: its sessions get GOAWAY
  if (res.headersSent || 'stream' in res || closing.of(res) !== undefined) return;
  res.setHeader('Connection', 'close');
  let begun = false;
  const own = closing.watch(res, {
    onHead() {
      // requests that the client has pipelined behind this one get their responses first
      if (isFollowed(res)) res.removeHeader('Connection');
      else res.setHeader('Connection', 'close');
    },
    onWrite(...args) {
      if (!begun && needsHint()) own.write.call(res, retryHint());
      begun = true;
      return own.write.apply(res, args);
    },
  });
  const { write } = res;
  // a stream that starts during the drain begins with the time of reconnection
  function needsHint(): boolean {
    // with an encoder in front of these hooks, the chunks are no text
    return isEventStream(res) && (res.write === write || !res.hasHeader('Content-Encoding'));
  }
}

/** Whether a response is a stream of server-sent events. */
export function isEventStream(res: ServerResponse): boolean {
  const type = res.getHeader('content-type');
  if (type !== undefined) return /^text\/event-stream/i.test(String(type));
  // headers given to writeHead alone are in the written head only
  const head = (res as { _header?: unknown })._header;
  return typeof head === 'string' && /^content-type: *text\/event-stream/im.test(head);
}

/** Ends an event stream between two lines; what the app writes to it later is discarded. */
export function endEventStream(res: ServerResponse): void {
  res.on('error', () => {});
  try {
    res.end(retryHint());
  } catch {
    // a hook of the app failed
    res.destroy();
  }
}

function retryHint(): string {
  return `retry: ${randomInt(...retryMs)}\n`;
}
