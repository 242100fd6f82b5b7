import type { ServerResponse } from 'node:http';
import { ReadableStream } from 'node:stream/web';

export function isWebStream(value: unknown): value is ReadableStream {
  return value instanceof ReadableStream;
}

/** Cancels a web stream; one that is locked is its reader's to cancel. */
export function cancelWebStream(stream: ReadableStream, reason?: unknown): void {
  if (!stream.locked) stream.cancel(reason).catch(() => {});
}

/** Cancels a web stream when its response ends before it does; for HEAD before it begins. */
export function bindWebStream(stream: ReadableStream, res: ServerResponse): () => void {
  const left = () => cancelWebStream(stream, new DOMException('The client went away', 'AbortError'));
  res.once('close', left);
  if (res.closed) left();
  else if (res.req.method === 'HEAD') {
    cancelWebStream(stream);
    process.nextTick(() => {
      if (!res.writableEnded) res.end();
    });
  }
  return () => {
    res.off('close', left);
  };
}
