import type { IncomingMessage, ServerResponse } from 'node:http';
import { debugFor } from '../../support/debug.js';
import { EncodedStream } from '../../support/encoding/encoded-stream.js';
import type { Codec } from '../../support/encoding/encoders.js';
import { declareEncoding, headerText } from '../../support/encoding/encoding-headers.js';
import { type KeptEncodings, keptEncodings } from '../../support/encoding/stored-encodings.js';
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

/** What {@link ResponseEncoding} goes by. */
export interface EncodingSettings extends DecisionSettings {
  /** Whole bodies of up to this many bytes are encoded in one synchronous call. */
  readonly syncLimit: number;
  readonly cache: EncodedCache | undefined;
}

/** Larger bodies are not looked for in the cache, so that a few of them do not fill it. */
const maxCachedBody = 256 * 1024;
/** Texts become bytes here when these are needed for the moment of one call only. */
let scratch: Buffer | undefined;

const encodings = responseHooks<ResponseEncoding>(encodingKey);

/** Takes charge of how the body of a response is encoded. */
export function encodeResponse(req: IncomingMessage, res: ServerResponse, settings: EncodingSettings): void {
  if (encodings.of(res) !== undefined) {
    debug(() => ['%s: compression is mounted twice, the first one decides', req.method]);
    return;
  }
  new ResponseEncoding(req, res, settings);
  (res as ServerResponse & { flush(): void }).flush = flush;
}

function flush(this: ServerResponse): void {
  encodings.of(this)?.flush();
}

/** How one response is encoded. */
class ResponseEncoding implements ResponseWatcher {
  readonly req: IncomingMessage;
  readonly res: ServerResponse;
  readonly settings: EncodingSettings;
  readonly own: OwnFunctions;

  /** What the body goes through, if anything. */
  codec: Codec | undefined = undefined;
  stream: EncodedStream | undefined = undefined;
  /** The whole body, when the decision knows it, and that body encoded. */
  body: Body | undefined = undefined;
  encoded: Buffer | undefined = undefined;
  /** The response's own `end` has the encoded body. */
  handedOver = false;
  /** A body that the cache did not know, and is to know the next time. */
  missed: Uint8Array | undefined = undefined;
  /** Where a body that is kept itself has its encodings. */
  kept: KeptEncodings | undefined = undefined;

  constructor(req: IncomingMessage, res: ServerResponse, settings: EncodingSettings) {
    this.req = req;
    this.res = res;
    this.settings = settings;
    this.own = encodings.watch(res, this);
  }

  /** Decides, and makes the headers say so. */
  onHead(status: number, body: Body | undefined, charset: BufferEncoding | undefined): void {
    this.body = body;
    const length = body === undefined ? declaredLength(this.res) : byteLength(body, charset);
    const codec = chooseCodec(this.req, this.res, status, length, this.settings);
    if (codec === undefined) return;
    if (body !== undefined) {
      const bytes = borrowBytes(body, charset);
      const encoded = this.#encodeWhole(codec, bytes);
      const failed = encoded === undefined && bytes.length <= this.settings.syncLimit;
      if (failed || (encoded !== undefined && encoded.length >= bytes.length)) {
        debug(() => ['not encoded, %s', failed ? 'the encoder failed' : 'it would not shrink']);
        return;
      }
      this.encoded = encoded;
    }
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

  /** Forgets the decision: another response will be tried. */
  onRefused(): void {
    const res = this.res;
    if (res.headersSent) return;
    if (this.codec !== undefined) res.removeHeader('Content-Encoding');
    // a length that nobody set is that of the body, which Node remembers until the header is removed
    if (this.codec !== undefined || !res.hasHeader('Content-Length')) res.removeHeader('Content-Length');
    this.codec = undefined;
    this.body = undefined;
    this.encoded = undefined;
    this.handedOver = false;
    this.missed = undefined;
    this.kept = undefined;
  }

  /** Sends what a streaming encoder holds back. */
  flush(): void {
    this.stream?.flush();
  }

  /** Sends a body that nothing was written of before. */
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
    const kept = this.kept;
    let keep = cache && missed && ((encoded: Buffer) => cache.set(codec.encoding, missed, encoded));
    if (kept) keep = (encoded) => kept.set(codec.encoding, encoded);
    this.stream = new EncodedStream(this.res, codec, this.own, keep);
    return this.stream;
  }

  /** Encodes a body in one go; `undefined` where that would take too long, or failed. */
  #encodeWhole(codec: Codec, bytes: Uint8Array): Buffer | undefined {
    const { cache, syncLimit } = this.settings;
    this.missed = undefined;
    this.kept = undefined;
    const kept = codec.cacheable ? keptEncodings(bytes) : undefined;
    const ready = kept?.get(codec.encoding);
    if (ready !== undefined) return ready;
    const cached = cache !== undefined && codec.cacheable && bytes.length <= maxCachedBody;
    try {
      const found = cached ? cache.get(codec.encoding, bytes) : undefined;
      if (found !== undefined) {
        kept?.set(codec.encoding, found);
        return found;
      }
      if (bytes.length > syncLimit) {
        if (kept) this.kept = kept;
        // a copy: the app may use its own buffer again while the encoder is at work
        else if (cached) this.missed = Buffer.from(bytes);
        return undefined;
      }
      const encoded = unobserved(codec.encode, bytes);
      if (kept) kept.set(codec.encoding, encoded);
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

function byteLength(body: Body, charset?: BufferEncoding): number {
  return typeof body === 'string' ? Buffer.byteLength(body, charset) : body.byteLength;
}

/** The bytes of a body, good until the next call of this. */
function borrowBytes(body: Body, charset?: BufferEncoding): Uint8Array {
  // no character takes more than three bytes
  if (typeof body !== 'string' || body.length * 3 > maxCachedBody) return toBytes(body, charset);
  scratch ??= Buffer.allocUnsafeSlow(maxCachedBody);
  return scratch.subarray(0, scratch.write(body, charset));
}

function toBytes(body: Body, charset?: BufferEncoding): Uint8Array {
  return typeof body === 'string' ? Buffer.from(body, charset) : body;
}
