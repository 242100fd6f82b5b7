import type { ServerResponse } from 'node:http';

/**
 * Lets a handler go on with a response that nobody waits for: what it sets and writes goes nowhere, and nothing
 * throws. `onEnd` hears once, when the handler is done.
 */
export function muteResponse(res: ServerResponse, onEnd: () => void): void {
  const unchanged = function unchanged(this: ServerResponse) {
    return this;
  };
  let ended = false;
  Object.assign(res, {
    setHeader: unchanged,
    setHeaders: unchanged,
    appendHeader: unchanged,
    removeHeader() {},
    writeHead: unchanged,
    flushHeaders() {},
    write(_chunk: unknown, encoding?: unknown, callback?: unknown) {
      callBack(encoding, callback);
      return true;
    },
    end(this: ServerResponse, chunk?: unknown, encoding?: unknown, callback?: unknown) {
      callBack(chunk, encoding, callback);
      if (!ended) onEnd();
      ended = true;
      return this;
    },
  });
}

/** Calls the callback among the last arguments of `write` and `end`, as a stream would: later. */
function callBack(...args: unknown[]): void {
  const callback = args.find((arg) => typeof arg === 'function');
  if (callback) process.nextTick(callback as () => void);
}
