import { randomInt } from 'node:crypto';
import type { ServerResponse } from 'node:http';
import { isFollowed } from './pipelined-responses.js';
import { responseHooks } from './response-hooks.js';

/** The range of the random time after which clients of an event stream reconnect, in milliseconds. */
const retryMs = [1000, 5000] as const;

const closing = responseHooks(Symbol('closing'));

/**
 * Closes the connection after a response (RFC 9112, 9.6), whichever way its head is written. Headers may be set before,
 * passed to `writeHead`, or copied from an upstream response with `Connection: keep-alive`.
 */
export function closeAfterResponse(res: ServerResponse): void {
  // HTTP/2 has no Connection header; its sessions are sent GOAWAY instead
  if (res.headersSent || 'stream' in res || closing.of(res) !== undefined) return;
  res.setHeader('Connection', 'close');
  let begun = false;
  const own = closing.watch(res, {
    onHead() {
      // if the client has pipelined further requests, the connection remains open for their responses
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
  // an event stream that starts during the drain begins with a `retry` field
  function needsHint(): boolean {
    // if an encoder is called before these hooks, the chunks are encoded
    return isEventStream(res) && (res.write === write || !res.hasHeader('Content-Encoding'));
  }
}

/** Whether a response is a stream of server-sent events. */
export function isEventStream(res: ServerResponse): boolean {
  const type = res.getHeader('content-type');
  if (type !== undefined) return /^text\/event-stream/i.test(String(type));
  // headers passed to writeHead only are found in the written head only
  const head = (res as { _header?: unknown })._header;
  return typeof head === 'string' && /^content-type: *text\/event-stream/im.test(head);
}

/** Ends an event stream between two lines. Later writes of the app are discarded. */
export function endEventStream(res: ServerResponse): void {
  res.on('error', () => {});
  try {
    res.end(retryHint());
  } catch {
    // a hook of the app threw
    res.destroy();
  }
}

function retryHint(): string {
  return `retry: ${randomInt(...retryMs)}\n`;
}
