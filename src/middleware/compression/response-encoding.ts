import type { IncomingMessage, ServerResponse } from 'node:http';
import { debugFor } from '../../support/debug.js';
import { EncodedStream } from '../../support/encoding/encoded-stream.js';
import type { Codec } from '../../support/encoding/encoders.js';
import { declareEncoding, headerText } from '../../support/encoding/encoding-headers.js';
import { type StoredEncodings, storedEncodings } from '../../support/encoding/stored-encodings.js';
import {
  type Body,
  type OwnFunctions,
  type ResponseWatcher,
  responseHooks,
  type WriteCallback,
} from '../../support/response-hooks.js';
import { encodingKey } from '../../support/symbols.js';
import { unobserved } from '../../support/unobserved.js';
import { chooseCodec, type DecisionSettings } from './compression-decision.js';
import type { EncodedCache } from './encoded-cache.js';

const debug = debugFor('compression');

export interface EncodingSettings extends DecisionSettings {
  /** Whole bodies of up to this many bytes are encoded in one synchronous call. */
  readonly syncLimit: number;
  readonly cache: EncodedCache | undefined;
}

/** Larger bodies are not cached, so that a few of them do not fill the cache. */
const maxCachedBody = 256 * 1024;
/** The buffer in which strings are converted when their bytes are needed for one call only. */
let scratch: Buffer | undefined;

const encodings = responseHooks<ResponseEncoding>(encodingKey);

/**
 * Whether the package `compression` handles a response. It replaces both methods, and has decided itself whether to
 * encode the body.
 */
function isHandledByPackage(res: ServerResponse): boolean {
  return (
    Object.hasOwn(res, 'flush') && (res as { flush?: unknown }).flush !== flush && Object.hasOwn(res, 'on')
  );
}

/** Encodes the body of a response when it is sent. */
export function encodeResponse(req: IncomingMessage, res: ServerResponse, settings: EncodingSettings): void {
  if (encodings.of(res) !== undefined) {
    debug(() => ['%s: compression is mounted twice, the first one encodes the response', req.method]);
    return;
  }
  new ResponseEncoding(req, res, settings);
  (res as ServerResponse & { flush(): void }).flush = flush;
}

function flush(this: ServerResponse): void {
  encodings.of(this)?.flush();
}

class ResponseEncoding implements ResponseWatcher {
  readonly req: IncomingMessage;
  readonly res: ServerResponse;
  readonly settings: EncodingSettings;
  readonly own: OwnFunctions;

  /** The chosen codec, or `undefined` when the body is sent without an encoding. */
  codec: Codec | undefined = undefined;
  stream: EncodedStream | undefined = undefined;
  /** The whole body and its encoding, if the whole body is available when the headers are completed. */
  body: Body | undefined = undefined;
  encoded: Buffer | undefined = undefined;
  /** Whether the response's own `end` was called with the encoded body. */
  handedOver = false;
  /** A copy of a body that was not in the cache, to be stored with its encoding. */
  missed: Uint8Array | undefined = undefined;
  /** The encodings that are stored with the body, if the response cache stores it. */
  storedWithBody: StoredEncodings | undefined = undefined;

  constructor(req: IncomingMessage, res: ServerResponse, settings: EncodingSettings) {
    this.req = req;
    this.res = res;
    this.settings = settings;
    this.own = encodings.watch(res, this);
  }

  /** Chooses the encoding and sets the headers. */
  onHead(status: number, body: Body | undefined, charset: BufferEncoding | undefined): void {
    if (isHandledByPackage(this.res)) {
      this.settings.onOther?.();
      return;
    }
    this.body = body;
    const length = body === undefined ? declaredLength(this.res) : Buffer.byteLength(body, charset);
    const codec = chooseCodec(this.req, this.res, status, length, this.settings);
    if (codec === undefined) return;
    if (body !== undefined) {
      const bytes = borrowBytes(body, charset);
      const encoded = this.#encodeWhole(codec, bytes);
      const failed = encoded === undefined && bytes.length <= this.settings.syncLimit;
      if (failed || (encoded !== undefined && encoded.length >= bytes.length)) {
        debug(() => ['not encoded, %s', failed ? 'the encoder failed' : 'the encoded body is not smaller']);
        if (!failed && status === 200) this.settings.sent.add(this.req, this.res, 'identity');
        return;
      }
      this.encoded = encoded;
    }
    if (status === 200) this.settings.sent.add(this.req, this.res, 'encoded');
    declareEncoding(this.res, codec.encoding, this.encoded?.length);
    this.codec = codec;
  }

  onWrite(chunk: Body, charset?: BufferEncoding, callback?: WriteCallback): boolean {
    const res = this.res;
    if (this.stream === undefined && this.codec !== undefined && !this.handedOver && !res.destroyed) {
      this.#openStream(this.codec);
    }
    return this.stream !== undefined
      ? this.stream.write(chunk, charset, callback)
      : this.own.write.call(res, chunk, charset, callback);
  }

  onEnd(chunk?: Body | null, charset?: BufferEncoding, callback?: () => void): void {
    const res = this.res;
    if (this.stream !== undefined) this.stream.end(chunk ?? undefined, charset, callback);
    else if (this.codec === undefined || this.handedOver || res.destroyed) {
      this.own.end.call(res, chunk, charset, callback);
    } else this.#endWhole(this.codec, chunk ?? '', charset, callback);
  }

  /** Resets the decision, because another response will be sent. */
  onRefused(): void {
    const res = this.res;
    if (res.headersSent) return;
    if (this.codec !== undefined) res.removeHeader('Content-Encoding');
    // Without a Content-Length of the app, Node retains the first length until the header is removed.
    if (this.codec !== undefined || !res.hasHeader('Content-Length')) res.removeHeader('Content-Length');
    this.codec = undefined;
    this.body = undefined;
    this.encoded = undefined;
    this.handedOver = false;
    this.missed = undefined;
    this.storedWithBody = undefined;
  }

  flush(): void {
    this.stream?.flush();
  }

  /** Sends a body that is passed to `end` whole. */
  #endWhole(codec: Codec, body: Body, charset?: BufferEncoding, callback?: () => void): void {
    const res = this.res;
    const bytes = toBytes(body, charset);
    const encoded = this.body === undefined ? this.#encodeWhole(codec, bytes) : this.encoded;
    if (encoded !== undefined) {
      this.handedOver = true;
      this.own.end.call(res, encoded, undefined, callback);
      return;
    }
    if (!res.headersSent) res.writeHead(res.statusCode);
    this.#openStream(codec).end(this.missed ?? bytes, undefined, callback);
  }

  #openStream(codec: Codec): EncodedStream {
    const { cache } = this.settings;
    const missed = this.missed;
    const stored = this.storedWithBody;
    let onEncoded = cache && missed && ((encoded: Buffer) => cache.set(codec.encoding, missed, encoded));
    if (stored) onEncoded = (encoded) => stored.set(codec.encoding, encoded);
    this.stream = new EncodedStream(this.res, codec, this.own, onEncoded);
    return this.stream;
  }

  /** Encodes a whole body synchronously. Returns `undefined` when the body is too large or the encoder fails. */
  #encodeWhole(codec: Codec, bytes: Uint8Array): Buffer | undefined {
    const { cache, syncLimit } = this.settings;
    this.missed = undefined;
    this.storedWithBody = undefined;
    const stored = codec.cacheable ? storedEncodings(bytes) : undefined;
    const known = stored?.get(codec.encoding);
    if (known !== undefined) return known;
    const cached = cache !== undefined && codec.cacheable && bytes.length <= maxCachedBody;
    try {
      const found = cached ? cache.get(codec.encoding, bytes) : undefined;
      if (found !== undefined) {
        stored?.set(codec.encoding, found);
        return found;
      }
      if (bytes.length > syncLimit) {
        if (stored) this.storedWithBody = stored;
        // The bytes are copied, because the app may reuse its buffer before the encoder is done.
        else if (cached) this.missed = Buffer.from(bytes);
        return undefined;
      }
      const encoded = unobserved(codec.encode, bytes);
      if (stored) stored.set(codec.encoding, encoded);
      else if (cached) cache.set(codec.encoding, bytes, encoded);
      return encoded;
    } catch (error) {
      debug(() => ['the encoder failed: %s', error]);
      return undefined;
    }
  }
}

function declaredLength(res: ServerResponse): number | undefined {
  const declared = headerText(res, 'content-length');
  return declared === '' ? undefined : Number(declared);
}

/** The bytes of a body, valid until the next call. */
function borrowBytes(body: Body, charset?: BufferEncoding): Uint8Array {
  // A UTF-16 code unit takes at most three bytes in UTF-8.
  if (typeof body !== 'string' || body.length * 3 > maxCachedBody) return toBytes(body, charset);
  scratch ??= Buffer.allocUnsafeSlow(maxCachedBody);
  return scratch.subarray(0, scratch.write(body, charset));
}

function toBytes(body: Body, charset?: BufferEncoding): Uint8Array {
  return typeof body === 'string' ? Buffer.from(body, charset) : body;
}
