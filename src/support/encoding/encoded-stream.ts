import type { ServerResponse } from 'node:http';
import { contextOf } from '../context/context.js';
import { debugFor } from '../debug.js';
import type { Body, OwnFunctions, WriteCallback } from '../response-hooks.js';
import { resetResponse } from '../response-reset.js';
import { failWrite } from '../response-state.js';
import type { Codec, Encoder } from './encoders.js';

const debug = debugFor('compression');

/**
 * Milliseconds that a written chunk may stay in the encoder. With this delay a fast source results in large blocks, and
 * a user does not notice the delay of a slow source.
 */
const flushDelay = 10;

/**
 * Sends a body through an encoder, with the contract of the response's own `write` and `end`. Backpressure of the
 * encoder is backpressure of the response, each callback runs once, and the encoder is destroyed with the response.
 */
export class EncodedStream {
  readonly #res: ServerResponse;
  readonly #encoder: Encoder;
  readonly #flushKind: number;
  #flushTimer: NodeJS.Timeout | undefined;
  #ended = false;

  /** `own` are the response's own functions. `store` receives the whole encoded body when it is complete. */
  constructor(res: ServerResponse, codec: Codec, own: OwnFunctions, store?: (encoded: Buffer) => void) {
    const encoder = codec.stream();
    this.#res = res;
    this.#encoder = encoder;
    this.#flushKind = codec.flushKind;

    let start = codec.start;
    const parts: Buffer[] = [];
    encoder.on('data', (part: Buffer) => {
      if (store) parts.push(part);
      const bytes = start ? start(part) : part;
      start = undefined;
      if (own.write.call(res, bytes) === false) encoder.pause();
    });
    encoder.on('end', () => {
      own.end.call(res);
      store?.(Buffer.concat(parts));
    });
    encoder.on('error', (error) => {
      debug(() => ['encoder failed, the response is reset: %s', error]);
      contextOf(res.req)?.fail(error);
      resetResponse(res);
    });
    res.once('close', () => {
      clearTimeout(this.#flushTimer);
      encoder.destroy();
    });
    this.#routeDrain();
    Object.defineProperties(res, {
      // The response's own getter would become true only after the encoder has ended.
      writableEnded: { get: () => this.#ended, configurable: true },
      writableNeedDrain: {
        get: () => !res.destroyed && !this.#ended && encoder.writableNeedDrain,
        configurable: true,
      },
    });
  }

  /**
   * The socket and the encoder have separate buffers. A `drain` of the socket only resumes the encoder. A source that
   * received this event would fill the encoder faster than a slow client reads.
   */
  #routeDrain(): void {
    const res = this.#res;
    const encoder = this.#encoder;
    const emit = res.emit;
    res.emit = function emitUnlessDrain(this: ServerResponse, event: string | symbol, ...args: unknown[]) {
      if (event !== 'drain') return emit.call(this, event, ...args);
      encoder.resume();
      return true;
    } as ServerResponse['emit'];
    encoder.on('drain', () => emit.call(res, 'drain'));
  }

  write(chunk: Body, charset?: BufferEncoding, callback?: WriteCallback): boolean {
    if (this.#ended) return failWrite(callback);
    this.#flushTimer ??= setTimeout(() => this.flush(), flushDelay).unref();
    return this.#encoder.write(chunk, charset ?? 'utf8', callback);
  }

  end(chunk?: Body, charset?: BufferEncoding, callback?: () => void): void {
    if (callback) this.#res.once('finish', callback);
    if (this.#ended) return;
    this.#ended = true;
    clearTimeout(this.#flushTimer);
    this.#encoder.end(chunk, charset ?? 'utf8');
  }

  /** Sends the chunks that were written so far. */
  flush(): void {
    clearTimeout(this.#flushTimer);
    this.#flushTimer = undefined;
    if (!this.#ended) this.#encoder.flush(this.#flushKind);
  }
}
