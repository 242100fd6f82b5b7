import type { ServerResponse } from 'node:http';
import {
  type Body,
  type End,
  isBody,
  type Write,
  type WriteCallback,
} from '../../support/encoding/encoded-stream.js';
import { type HeadersArgument, setHeaders } from '../../support/encoding/encoding-headers.js';
import { takesText } from '../../support/symbols.js';

type WriteHead = (
  status: number,
  reason?: string | HeadersArgument,
  headers?: HeadersArgument,
) => ServerResponse;

/** The functions that a response had before. */
export interface OwnFunctions {
  readonly writeHead: WriteHead;
  readonly write: Write;
  readonly end: End;
  readonly destroy: ServerResponse['destroy'];
}

/** Who watches a response. */
export interface Watcher {
  readonly own: OwnFunctions;
  /**
   * The headers are complete and not sent; `whole` when the body is, too. May answer the client itself, and return true:
   * what comes then is for `take` only.
   */
  onHead(status: number, whole: boolean): boolean;
  /** A part of the body. */
  take(chunk: Body, charset: BufferEncoding | undefined): void;
  /** The body is complete. */
  onEnd(): void;
  /** The response is cut short by this side, or cannot be sent. */
  onDestroy(): void;
}

interface State {
  readonly watcher: Watcher;
  decided: boolean;
  /** The client has another answer: what the handler goes on to send reaches the watcher alone. */
  answered: boolean;
  /** `writeHead` only looks: the head is sent together with the body. */
  looking: boolean;
  /** The response's own `end` is at work, and comes back through the hooks. */
  ending: boolean;
}

type Watched = ServerResponse & Record<symbol, State>;

export function ownFunctions(res: ServerResponse): OwnFunctions {
  const { writeHead, write, end, destroy } = res as unknown as OwnFunctions;
  return { writeHead, write, end, destroy };
}

/**
 * Makes functions that stand before a response's own `writeHead`, `write`, `end` and `destroy` and tell a watcher what
 * passes. All responses share them; the state of one is under a key of this cache's own, so that caches can stand
 * behind one another.
 */
export function responseHooks(): {
  watches(res: ServerResponse): boolean;
  watch(res: ServerResponse, watcher: Watcher): void;
} {
  const key = Symbol('express-productionize.cache');

  function writeHead(
    this: Watched,
    status: number,
    reason?: string | HeadersArgument,
    headers?: HeadersArgument,
  ): ServerResponse {
    const state = this[key] as State;
    const { own } = state.watcher;
    if (state.answered && !state.ending) return this;
    if (state.ending || this.headersSent || status < 200)
      return own.writeHead.call(this, status, reason, headers);
    const given = typeof reason === 'string' ? headers : (headers ?? reason);
    if (given) setHeaders(this, given);
    const message = typeof reason === 'string' ? reason : undefined;
    this.statusCode = status;
    if (message !== undefined && this.req.httpVersionMajor < 2) this.statusMessage = message;
    if (!state.decided) decide(state, status, state.looking);
    if (state.answered || state.looking) return this;
    try {
      return own.writeHead.call(this, status, message);
    } catch (error) {
      // the head was refused, and another answer will be tried
      state.watcher.onDestroy();
      throw error;
    }
  }

  function decide(state: State, status: number, whole: boolean): void {
    state.decided = true;
    state.ending = true;
    state.answered = state.watcher.onHead(status, whole);
    state.ending = false;
  }

  function write(
    this: Watched,
    chunk: Body,
    charset?: BufferEncoding | WriteCallback,
    callback?: WriteCallback,
  ): boolean {
    if (typeof charset === 'function') return write.call(this, chunk, undefined, charset);
    const state = this[key] as State;
    const { watcher, ending } = state;
    if (ending || !isBody(chunk)) return watcher.own.write.call(this, chunk, charset, callback);
    if (!state.decided && !this.headersSent) this.writeHead(this.statusCode);
    watcher.take(chunk, charset);
    if (!state.answered) return watcher.own.write.call(this, chunk, charset, callback);
    if (callback) process.nextTick(callback);
    return true;
  }

  function end(
    this: Watched,
    chunk?: Body | (() => void) | null,
    charset?: BufferEncoding | (() => void),
    callback?: () => void,
  ): ServerResponse {
    if (typeof chunk === 'function') return end.call(this, undefined, undefined, chunk);
    if (typeof charset === 'function') return end.call(this, chunk, undefined, charset);
    const state = this[key] as State;
    const { watcher } = state;
    if (!state.decided && !this.headersSent && (chunk == null || isBody(chunk))) {
      // where others hooked in after us, what they do to the headers comes before the decision
      if (this.writeHead === (writeHead as unknown)) decide(state, this.statusCode, true);
      else look(this, state);
    }
    if (chunk != null && isBody(chunk)) watcher.take(chunk, charset);
    state.ending = true;
    try {
      if (!state.answered) watcher.own.end.call(this, chunk, charset, callback);
      else if (callback) process.nextTick(callback);
      watcher.onEnd();
    } catch (error) {
      watcher.onDestroy();
      throw error;
    } finally {
      state.ending = false;
    }
    return this;
  }

  function look(res: Watched, state: State): void {
    state.looking = true;
    try {
      res.writeHead(res.statusCode);
    } finally {
      state.looking = false;
    }
  }

  function destroy(this: Watched, error?: Error): ServerResponse {
    const { watcher } = this[key] as State;
    watcher.onDestroy();
    return watcher.own.destroy.call(this, error);
  }

  Object.assign(end, { [takesText]: true });

  return {
    watches: (res) => (res as Watched)[key] !== undefined,
    watch(res, watcher) {
      (res as Watched)[key] = { watcher, decided: false, answered: false, looking: false, ending: false };
      res.writeHead = writeHead as ServerResponse['writeHead'];
      res.write = write as ServerResponse['write'];
      res.end = end as ServerResponse['end'];
      res.destroy = destroy as ServerResponse['destroy'];
    },
  };
}
