import type { ServerResponse } from 'node:http';
import { contextOf } from '../../support/context/context.js';
import { debugFor } from '../../support/debug.js';
import type { Body, OwnFunctions, WriteCallback } from '../../support/response-hooks.js';
import { resetResponse } from '../../support/response-reset.js';
import { failWrite } from '../../support/response-state.js';

const debug = debugFor('cache');

/**
 * Holds the writes and the end of a response until a promise resolves. To the handler, the response
 * looks as if it were not delayed.
 */
export class HeldResponse {
  readonly #res: ServerResponse;
  readonly #own: OwnFunctions;
  readonly #calls: (() => unknown)[] = [];
  #needsDrain = false;
  #ended = false;

  /** `onRelease` is called just before the response is sent. */
  constructor(res: ServerResponse, own: OwnFunctions, until: Promise<unknown>, onRelease: () => void) {
    this.#res = res;
    this.#own = own;
    void until.then(() => {
      onRelease();
      this.#release();
    });
  }

  flushHeaders(flush: () => void): void {
    this.#calls.push(flush);
  }

  write(chunk: Body, charset?: BufferEncoding, callback?: WriteCallback): boolean {
    if (this.#ended) return failWrite(callback);
    this.#needsDrain = true;
    this.#calls.push(() => this.#own.write.call(this.#res, chunk, charset, callback));
    return false;
  }

  end(chunk?: Body | null, charset?: BufferEncoding, callback?: () => void): void {
    const res = this.#res;
    if (this.#ended) {
      if (callback) res.once('finish', callback);
      return;
    }
    if (!res.headersSent) this.#writeHead(chunk, charset);
    this.#ended = true;
    Object.defineProperty(res, 'writableEnded', { value: true, configurable: true });
    this.#calls.push(() => this.#own.end.call(res, chunk, charset, callback));
  }

  /** Completes the head, so that later changes of it fail. In HTTP/2 this would send it. */
  #writeHead(body: Body | null | undefined, charset: BufferEncoding | undefined): void {
    const res = this.#res;
    if (res.req.httpVersionMajor > 1) {
      Object.defineProperty(res, 'headersSent', { value: true, configurable: true });
      return;
    }
    const framed = ['Content-Length', 'Transfer-Encoding', 'Trailer'].some((name) => res.hasHeader(name));
    if (!framed && res.statusCode !== 204) {
      res.setHeader('Content-Length', Buffer.byteLength(body ?? '', charset));
    }
    this.#own.writeHead.call(res, res.statusCode);
  }

  #release(): void {
    const res = this.#res;
    if (this.#ended) {
      Reflect.deleteProperty(res, 'writableEnded');
      Reflect.deleteProperty(res, 'headersSent');
    }
    try {
      for (const call of this.#calls) call();
      if (this.#needsDrain && !this.#ended && !res.writableNeedDrain) res.emit('drain');
    } catch (error) {
      debug(() => ['%s %s: the held response cannot be sent: %s', res.req.method, res.req.url, error]);
      contextOf(res.req)?.fail(error);
      resetResponse(res);
    }
  }
}
