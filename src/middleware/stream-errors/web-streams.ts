import type { ServerResponse } from 'node:http';
import type { ReadableStream } from 'node:stream/web';
import { loadBuiltin } from '../../support/node-builtins.js';

export function isWebStream(value: unknown): value is ReadableStream {
  const isCandidate = typeof value === 'object' && value !== null && 'getReader' in value;
  return isCandidate && value instanceof loadBuiltin('node:stream/web').ReadableStream;
}

/** Cancels a web stream, unless it is locked: only its reader can cancel it then. */
function cancelWebStream(stream: ReadableStream, reason?: unknown): void {
  if (!stream.locked) stream.cancel(reason).catch(() => {});
}

/** Cancels a web stream when its response closes before the stream ends. For HEAD it is cancelled before it is read. */
export function bindWebStream(stream: ReadableStream, res: ServerResponse): () => void {
  const onClose = () => cancelWebStream(stream, new DOMException('The client disconnected', 'AbortError'));
  res.once('close', onClose);
  if (res.closed) onClose();
  else if (res.req.method === 'HEAD') {
    cancelWebStream(stream);
    process.nextTick(() => {
      if (!res.writableEnded) res.end();
    });
  }
  return () => {
    res.off('close', onClose);
  };
}
