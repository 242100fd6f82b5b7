import type { ServerResponse } from 'node:http';
import type { Readable } from 'node:stream';
import { contextOf } from '../../support/context/context.js';
import { debugFor } from '../../support/debug.js';
import { reportError } from '../../support/error-response/error-report.js';
import { getOrCreate } from '../../support/get-or-create.js';
import { processWide } from '../../support/process-wide.js';
import { resetResponse } from '../../support/response-reset.js';
import { read } from '../../support/serialize-error.js';
import { responseSourcesKey } from '../../support/symbols.js';
import { pipeSourceOf } from './pipe-sources.js';
import { forwardFailure, type Next, prematureClose, runningNext } from './stream-failure.js';

const debug = debugFor('stream-errors');

/** The destination of a pipe: the response, or a transform before it. */
type Sink = NodeJS.WritableStream;

/** Milliseconds that other listeners for a stream's errors have to respond. */
const othersMs = 1000;

const all = processWide(responseSourcesKey, () => new WeakMap<ServerResponse, ResponseSources>());

type Listeners = Record<'error' | 'close' | 'pipe' | 'unpipe', (value?: unknown) => void>;

interface Link {
  readonly sink: Sink;
  /** True when no other code is expected to handle its errors. */
  readonly alone: boolean;
  readonly listeners: Listeners;
}

interface Failure {
  readonly error: unknown;
  /** Whether the response had begun when the stream failed. */
  readonly midway: boolean;
}

/**
 * The streams of one response. When one of them fails, an error response is sent, or the connection is reset if the
 * response has begun. The end of the response ends all of them. For HEAD none is read.
 */
export class ResponseSources {
  readonly #res: ServerResponse;
  readonly #links = new Map<Readable, Link>();
  #next: Next | undefined = undefined;
  #failure: Failure | undefined = undefined;

  static of(res: ServerResponse): ResponseSources {
    return getOrCreate(all, res, () => new ResponseSources(res));
  }

  private constructor(res: ServerResponse) {
    this.#res = res;
    res.on('unpipe', (source: Readable) => this.#unpiped(source));
    res.on('error', (error) => this.#fail(error, true));
    res.once('close', () => this.#end());
  }

  /**
   * Binds a stream and the streams piped into it. `alone` means that no other code is expected to handle its errors.
   */
  add(source: Readable, sink: Sink, alone: boolean, next = runningNext(this.#res)): void {
    const res = this.#res;
    // the request ends on its own; destroying it would also destroy the connection
    if ((source as unknown) === res.req || this.#links.has(source)) return;
    if (sink === res) {
      this.#next = next;
      this.#failure = undefined;
    }
    const listeners = this.#listenersFor(source, alone);
    this.#links.set(source, { sink, alone, listeners });
    for (const [event, listener] of Object.entries(listeners)) source.on(event, listener);
    if (source.destroyed) listeners.close();
    const upstream = pipeSourceOf(source);
    if (upstream !== undefined) this.add(upstream, source as unknown as Sink, alone);
    if (sink !== res) return;
    if (res.closed) process.nextTick(() => this.#end());
    else if (res.req.method === 'HEAD') {
      // A piped stream flows in this tick. A bound stream or a transform may not be piped yet.
      if (alone || this.#origins().some(isWritable)) process.nextTick(() => this.#skipBody());
      else this.#skipBody();
    }
  }

  /** Removes the listeners from a stream and does not destroy it. */
  remove(source: Readable): void {
    const link = this.#links.get(source);
    if (link === undefined) return;
    this.#links.delete(source);
    detach(source, link);
  }

  #listenersFor(source: Readable, alone: boolean): Listeners {
    const fail = (error: unknown) => {
      if (this.#links.has(source)) this.#fail(error, alone || source.listenerCount('error') === 1);
    };
    return {
      error: fail,
      close() {
        if (source.readableEnded === false) fail(source.errored ?? prematureClose());
      },
      pipe: (upstream) => this.add(upstream as Readable, source as unknown as Sink, alone),
      unpipe: (upstream) => this.#unpiped(upstream as Readable),
    };
  }

  #unpiped(source: Readable): void {
    const { writableEnded, destroyed } = this.#res;
    if (!writableEnded && !destroyed && this.#failure === undefined) this.remove(source);
  }

  #fail(error: unknown, alone: boolean): void {
    if (this.#failure !== undefined) return;
    const failure = { error, midway: this.#res.headersSent };
    this.#failure = failure;
    // stream.pipeline() and the handler's own listeners run before this, in the current tick
    process.nextTick(() => {
      if (alone || this.#res.writableEnded || this.#res.destroyed) this.#settle(failure);
      else setTimeout(() => this.#settle(failure), othersMs).unref();
    });
  }

  #settle(failure: Failure): void {
    const res = this.#res;
    const { error, midway } = failure;
    // another stream was piped into the response in the meantime, or the client disconnected
    if (this.#failure !== failure || res.destroyed) return;
    if (res.writableEnded) {
      contextOf(res.req)?.fail(error);
    } else if (!res.headersSent) {
      this.#end();
      forwardFailure(error, res, this.#next);
    } else if (midway) {
      this.#end();
      reportError(error, res.req);
      resetResponse(res);
    } else {
      debug(() => [
        '%s %s: a stream failed, the handler sends another response',
        res.req.method,
        res.req.url,
      ]);
    }
  }

  /** Ends every stream, except those that are also piped elsewhere. */
  #end(): void {
    const links = [...this.#links];
    this.#links.clear();
    for (const [source, link] of links) {
      source.unpipe?.(link.sink);
      if (source.listenerCount('data') > 0) detach(source, link);
      // the listeners stay attached: a stream may fail while it is being destroyed
      else source.destroy?.();
    }
  }

  /** Returns the streams into which no other stream is piped. */
  #origins(): Readable[] {
    const sinks = new Set<unknown>([...this.#links.values()].map(({ sink }) => sink));
    return [...this.#links.keys()].filter((source) => !sinks.has(source));
  }

  /** Responds to HEAD with the status of GET and reads nothing. The result of opening a file decides this status. */
  #skipBody(): void {
    if (this.#failure !== undefined) return;
    const pending = [...this.#links.keys()].find((source) => read(source, 'pending') === true);
    if (pending !== undefined) {
      pending.once('ready', () => this.#skipBody());
      return;
    }
    const origins = this.#origins();
    if (origins.some((origin) => !this.#links.get(origin)?.alone && origin.listenerCount('error') > 1)) {
      // stream.pipeline() or similar code waits for these streams to end, so they end without data
      for (const origin of origins.filter(isUnread)) origin.push(null);
      return;
    }
    this.#end();
    // the handler may set headers after its call of pipe()
    process.nextTick(() => {
      if (!this.#res.writableEnded) this.#res.end();
    });
  }
}

function detach(source: Readable, { listeners }: Link): void {
  for (const [event, listener] of Object.entries(listeners)) source.off(event, listener);
}

function isWritable(source: Readable): boolean {
  return 'write' in source;
}

function isUnread(source: Readable): boolean {
  const { readableDidRead, readableEnded, readableLength } = source;
  return readableDidRead === false && !readableEnded && readableLength === 0 && !isWritable(source);
}
