import type fs from 'node:fs';
import type { ServerResponse } from 'node:http';
import { contextOf } from '../../support/context/context.js';
import { resetResponse } from '../../support/response-reset.js';
import { isClosed } from '../../support/response-state.js';

const chunkBytes = 64 * 1024;

/**
 * Sends `length` bytes of an open file from `start` on, with backpressure, until all is sent or the client disconnects.
 * When the file is shorter or cannot be read, the connection is closed, because `Content-Length` was already sent.
 */
export async function streamFile(
  handle: fs.promises.FileHandle,
  res: ServerResponse,
  start: number,
  length: number,
): Promise<void> {
  let position = start;
  let left = length;
  let closed = isClosed(res);
  let wake = (): void => {};
  const onClose = (): void => {
    closed = true;
    wake();
  };
  const onDrain = (): void => wake();
  res.once('close', onClose);
  res.on('drain', onDrain);
  try {
    while (left > 0 && !closed && !res.destroyed) {
      // Each chunk needs a new buffer, because the socket references the chunks that it has not sent yet.
      const buffer = Buffer.allocUnsafeSlow(Math.min(left, chunkBytes));
      const { bytesRead } = await handle.read(buffer, 0, buffer.length, position);
      if (closed || res.destroyed) break;
      if (bytesRead === 0) throw new Error('the file was truncated while it was sent');
      position += bytesRead;
      left -= bytesRead;
      const chunk = bytesRead === buffer.length ? buffer : buffer.subarray(0, bytesRead);
      if (left === 0) res.end(chunk);
      else if (!res.write(chunk)) {
        await new Promise<void>((resolve) => {
          wake = resolve;
          if (closed) resolve();
        });
      }
    }
  } catch (error) {
    contextOf(res.req)?.fail(error);
    resetResponse(res);
  } finally {
    res.off('close', onClose);
    res.off('drain', onDrain);
  }
}
