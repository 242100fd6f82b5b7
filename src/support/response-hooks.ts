import type { OutgoingHttpHeader, OutgoingHttpHeaders, ServerResponse } from 'node:http';
import { takesText } from './symbols.js';

/** A body or a part of a body. */
export type Body = string | Uint8Array;

export function byteLength(body: Body, charset?: BufferEncoding): number {
  return typeof body === 'string' ? Buffer.byteLength(body, charset) : body.byteLength;
}

export function isBody(chunk: unknown): chunk is Body {
  return typeof chunk === 'string' || chunk instanceof Uint8Array;
}

/** The callback of `write`, which is called when a chunk was written or could not be written. */
export type WriteCallback = (error?: Error | null) => void;

/** The headers that `writeHead` accepts: an object, a flat list of names and values, or a list of pairs. */
type HeadersArgument = OutgoingHttpHeaders | OutgoingHttpHeader[] | [string, OutgoingHttpHeader][];

/** The functions that were replaced, with all of their arguments. They are called with the response as `this`. */
export interface OwnFunctions {
  readonly writeHead: (
    status: number,
    reason?: string | HeadersArgument,
    headers?: HeadersArgument,
  ) => ServerResponse;
  readonly write: (chunk: Body, charset?: BufferEncoding, callback?: WriteCallback) => boolean;
  readonly end: (chunk?: Body | null, charset?: BufferEncoding, callback?: () => void) => unknown;
  readonly destroy: ServerResponse['destroy'];
  /**
   * From this call on, the functions only call their callbacks, because the client has another response or has
   * disconnected.
   */
  discard(): void;
}

/**
 * Receives the calls of a handler on its response. Only the functions for which the watcher has a method are replaced.
 */
export interface ResponseWatcher {
  /**
   * Called when the headers are complete and not sent. Headers passed to `writeHead` are set on the response. `body` is
   * the whole body, if it is known. Called again if the head was refused and another one is written.
   */
  onHead(status: number, body: Body | undefined, charset: BufferEncoding | undefined): void;
  /** Called in place of `write`. */
  onWrite?(chunk: Body, charset?: BufferEncoding, callback?: WriteCallback): boolean;
  /** Called in place of `end`. */
  onEnd?(chunk?: Body | null, charset?: BufferEncoding, callback?: () => void): void;
  /** Called when writing the head, or the body in `end`, threw an error. */
  onRefused?(): void;
  /** Called when the server destroys the response, before its own `destroy`. */
  onDestroy?(): void;
  /** Called when trailers are set. */
  onTrailers?(): void;
}

export interface ResponseHooks<Watcher extends ResponseWatcher> {
  /** Returns the watcher of a response. */
  of(res: ServerResponse): Watcher | undefined;
  /** Whether another package has replaced `writeHead` before these hooks were installed, and may set headers in it. */
  hasForeignHead(res: ServerResponse): boolean;
  /** Installs a watcher on a response that has none of these hooks yet. */
  watch(res: ServerResponse, watcher: Watcher): OwnFunctions;
}

/** The hooks of one response, with its watcher and the replaced functions. */
class Hook<Watcher extends ResponseWatcher> implements OwnFunctions {
  readonly watcher: Watcher;
  writeHead: OwnFunctions['writeHead'];
  write: OwnFunctions['write'];
  end: OwnFunctions['end'];
  destroy: OwnFunctions['destroy'];
  setTrailers: ((...args: unknown[]) => void) | undefined = undefined;

  /** Whether `onHead` was called for the current headers. */
  decided = false;
  /** Whether `writeHead` only determines the headers. The head is then sent together with the body. */
  looking = false;
  /** Whether the response's own `end` or the watcher is running, so that its calls of the hooks are passed on. */
  passing = false;
  discarded = false;
  body: Body | undefined = undefined;
  charset: BufferEncoding | undefined = undefined;

  constructor(res: ServerResponse, watcher: Watcher) {
    const { writeHead, write, end, destroy } = res as unknown as OwnFunctions;
    this.watcher = watcher;
    this.writeHead = writeHead;
    this.write = write;
    this.end = end;
    this.destroy = destroy;
  }

  decide(status: number): void {
    // if `end` is not replaced, a refused head is not noticed there, so `onHead` is called each time
    this.decided = this.watcher.onEnd !== undefined;
    this.passing = true;
    try {
      this.watcher.onHead(status, this.body, this.charset);
    } finally {
      this.passing = false;
    }
  }

  refused(): void {
    if (!this.decided) return;
    this.decided = this.discarded;
    this.watcher.onRefused?.();
  }

  discard(): void {
    this.decided = true;
    this.discarded = true;
    this.writeHead = unchanged as OwnFunctions['writeHead'];
    this.write = discardPart;
    this.end = discardEnd;
  }
}

/** The functions that replace `writeHead`, with the keys of their hooks. */
const hookKeys = new WeakMap<object, symbol>();

/**
 * Creates functions that replace a response's own `writeHead`, `write`, `end` and others, and call a watcher. All
 * responses share the functions. The watcher of each response is stored under `key`, so that several hooks can be
 * installed on one response. The functions call those that they replaced, over HTTP/2 too. Other packages may replace
 * functions before and after them.
 */
export function responseHooks<Watcher extends ResponseWatcher>(key: symbol): ResponseHooks<Watcher> {
  type Watched = ServerResponse & Record<symbol, Hook<Watcher>>;
  const hookOf = (res: ServerResponse): Hook<Watcher> => (res as Watched)[key] as Hook<Watcher>;

  function writeHead(
    this: ServerResponse,
    status: number,
    reason?: string | HeadersArgument,
    headers?: HeadersArgument,
  ): ServerResponse {
    const hook = hookOf(this);
    if (hook.passing || hook.discarded || this.headersSent || status < 200) {
      return hook.writeHead.call(this, status, reason, headers);
    }
    const given = typeof reason === 'string' ? headers : (headers ?? reason);
    if (given) setHeaders(this, given);
    const message = typeof reason === 'string' ? reason : undefined;
    this.statusCode = status;
    if (message !== undefined && this.req.httpVersionMajor < 2) this.statusMessage = message;
    if (!hook.decided) hook.decide(status);
    if (hook.looking) return this;
    try {
      return hook.writeHead.call(this, status, message);
    } catch (error) {
      hook.refused();
      throw error;
    }
  }

  function write(
    this: ServerResponse,
    chunk: Body,
    charset?: BufferEncoding | WriteCallback,
    callback?: WriteCallback,
  ): boolean {
    if (typeof charset === 'function') return write.call(this, chunk, undefined, charset);
    const hook = hookOf(this);
    // the original function throws for an invalid chunk before it sends any header
    if (hook.passing || !isBody(chunk)) return hook.write.call(this, chunk, charset, callback);
    if (!hook.decided && !this.headersSent) this.writeHead(this.statusCode);
    return (hook.watcher as Required<ResponseWatcher>).onWrite(chunk, charset, callback);
  }

  function end(
    this: ServerResponse,
    chunk?: Body | (() => void) | null,
    charset?: BufferEncoding | (() => void),
    callback?: () => void,
  ): ServerResponse {
    if (typeof chunk === 'function') return end.call(this, undefined, undefined, chunk);
    if (typeof charset === 'function') return end.call(this, chunk, undefined, charset);
    const hook = hookOf(this);
    let outer: ServerResponse['writeHead'] | undefined;
    try {
      if (!hook.decided && !this.headersSent && (chunk == null || isBody(chunk))) {
        hook.body = chunk ?? '';
        hook.charset = charset;
        // functions that other packages installed later have to change the headers before `onHead` is called
        if (this.writeHead === (writeHead as unknown)) hook.decide(this.statusCode);
        // the client has disconnected, and `end` writes no head that a cache could evaluate
        else if (this.destroyed) this.writeHead(this.statusCode);
        else outer = look(this, hook);
      }
      hook.passing = true;
      (hook.watcher as Required<ResponseWatcher>).onEnd(chunk, charset, callback);
    } catch (error) {
      hook.refused();
      throw error;
    } finally {
      hook.passing = false;
      hook.body = undefined;
      if (outer !== undefined) this.writeHead = outer;
    }
    return this;
  }

  /**
   * Calls the `writeHead` functions of other packages without sending the head. Returns the function to restore, since
   * they must not be called a second time when the head is sent.
   */
  function look(res: ServerResponse, hook: Hook<Watcher>): ServerResponse['writeHead'] | undefined {
    hook.looking = true;
    try {
      res.writeHead(res.statusCode);
    } finally {
      hook.looking = false;
    }
    if (!hook.decided) return undefined;
    const outer = res.writeHead;
    res.writeHead = writeHead as ServerResponse['writeHead'];
    return outer;
  }

  function destroy(this: ServerResponse, error?: Error): ServerResponse {
    const hook = hookOf(this);
    hook.watcher.onDestroy?.();
    return hook.destroy.call(this, error);
  }

  function setTrailers(this: ServerResponse, ...args: unknown[]): void {
    const hook = hookOf(this);
    hook.watcher.onTrailers?.();
    hook.setTrailers?.apply(this, args);
  }

  Object.assign(end, { [takesText]: true });
  hookKeys.set(writeHead, key);

  return {
    of: (res) => (res as Partial<Watched>)[key]?.watcher,
    hasForeignHead(res) {
      let { writeHead: replaced } = hookOf(res) as Pick<OwnFunctions, 'writeHead'>;
      for (let other = hookKeys.get(replaced); other !== undefined; other = hookKeys.get(replaced)) {
        replaced = (res as Watched)[other]?.writeHead as OwnFunctions['writeHead'];
      }
      return replaced !== Object.getPrototypeOf(res).writeHead;
    },
    watch(res, watcher) {
      const hook = new Hook(res, watcher);
      (res as Watched)[key] = hook;
      res.writeHead = writeHead as ServerResponse['writeHead'];
      if (watcher.onWrite) res.write = write as ServerResponse['write'];
      if (watcher.onEnd) res.end = end as ServerResponse['end'];
      if (watcher.onDestroy) res.destroy = destroy as ServerResponse['destroy'];
      if (watcher.onTrailers) {
        const trailing = res as unknown as Record<string, (...args: unknown[]) => void>;
        // in HTTP/2, `addTrailers` calls `setTrailer`
        const name = 'setTrailer' in res ? 'setTrailer' : 'addTrailers';
        hook.setTrailers = trailing[name];
        trailing[name] = setTrailers;
      }
      return hook;
    },
  };
}

/** Sets the headers passed to `writeHead` on the response itself, where watchers can read and change them. */
function setHeaders(res: ServerResponse, headers: HeadersArgument): void {
  if (!Array.isArray(headers)) {
    for (const [name, value] of Object.entries(headers)) res.setHeader(name, value as OutgoingHttpHeader);
    return;
  }
  const flat = (Array.isArray(headers[0]) ? headers.flat() : headers) as string[];
  for (let i = 0; i < flat.length; i += 2) res.removeHeader(flat[i] as string);
  for (let i = 0; i < flat.length; i += 2) res.appendHeader(flat[i] as string, flat[i + 1] as string);
}

const discarded = responseHooks(Symbol('discarded'));

/**
 * Discards the further response of a handler whose client has another response or has disconnected. Later headers and
 * writes have no effect, and nothing throws. `onEnd` is called once, when the handler has ended the response.
 */
export function discardResponse(res: ServerResponse, onEnd: () => void): void {
  let ended = false;
  const own = discarded.watch(res, {
    onHead() {},
    onWrite: discardPart,
    onEnd(...args) {
      discardEnd(...args);
      if (!ended) onEnd();
      ended = true;
    },
  });
  own.discard();
  Object.assign(res, {
    setHeader: unchanged,
    setHeaders: unchanged,
    appendHeader: unchanged,
    removeHeader() {},
    flushHeaders() {},
  });
}

function unchanged(this: ServerResponse): ServerResponse {
  return this;
}

function discardPart(_chunk: Body, _charset?: BufferEncoding, callback?: WriteCallback): boolean {
  if (callback) process.nextTick(callback);
  return true;
}

function discardEnd(_chunk?: Body | null, _charset?: BufferEncoding, callback?: () => void): void {
  if (callback) process.nextTick(callback);
}
