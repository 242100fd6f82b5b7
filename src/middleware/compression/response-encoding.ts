import type { IncomingMessage, ServerResponse } from 'node:http';
import { debugFor } from '../../support/debug.js';
import { type Body, EncodedStream, type End, type Write } from '../../support/encoding/encoded-stream.js';
import type { Codec } from '../../support/encoding/encoders.js';
import {
  declareEncoding,
  type HeadersArgument,
  headerText,
} from '../../support/encoding/encoding-headers.js';
import { type KeptEncodings, keptEncodings } from '../../support/encoding/stored-encodings.js';
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

/** Headers that say where a body ends. */
const framing = ['Content-Length', 'Transfer-Encoding', 'Trailer'];

export type WriteHead = (
  status: number,
  reason?: string | HeadersArgument,
  headers?: HeadersArgument,
) => ServerResponse;

/** How one response is encoded, and the functions it had before. */
export class ResponseEncoding {
  readonly writeHead: WriteHead;
  readonly write: Write;
  readonly end: End;

  /** Set once the headers were looked at; `codec` is then what the body goes through, if anything. */
  decided = false;
  codec: Codec | undefined = undefined;
  stream: EncodedStream | undefined = undefined;

  /** The whole body, when the decision knows it. */
  body: Body | undefined = undefined;
  charset: BufferEncoding | undefined = undefined;
  encoded: Buffer | undefined = undefined;
  /** The encoded body is with the original `end`, which on HTTP/2 comes back through the hooked `write`. */
  handedOver = false;
  #lengthIsOurs = false;

  readonly #req: IncomingMessage;
  readonly #res: ServerResponse;
  readonly #settings: EncodingSettings;
  /** A body that the cache did not know, and is to know the next time. */
  #missed: Uint8Array | undefined = undefined;
  /** Where a body that is kept itself has its encodings. */
  #kept: KeptEncodings | undefined = undefined;

  constructor(req: IncomingMessage, res: ServerResponse, settings: EncodingSettings) {
    this.#req = req;
    this.#res = res;
    this.#settings = settings;
    this.writeHead = res.writeHead as WriteHead;
    this.write = res.write as Write;
    this.end = res.end as End;
  }

  /** Decides, and makes the headers say so. They are complete and not sent yet. */
  decide(status: number): void {
    this.decided = true;
    const { body } = this;
    const codec = chooseCodec(this.#req, this.#res, status, this.#length(), this.#settings);
    if (codec === undefined) return;
    if (body !== undefined) {
      const bytes = borrowBytes(body, this.charset);
      const encoded = this.#encodeWhole(codec, bytes);
      const failed = encoded === undefined && bytes.length <= this.#settings.syncLimit;
      if (failed || (encoded !== undefined && encoded.length >= bytes.length)) {
        debug(() => ['not encoded, %s', failed ? 'the encoder failed' : 'it would not shrink']);
        return;
      }
      this.encoded = encoded;
    }
    declareEncoding(this.#res, codec.encoding, this.encoded?.length);
    this.codec = codec;
  }

  /** Forgets the decision: the headers were refused, and another answer will be tried. */
  undo(): void {
    if (this.codec !== undefined) this.#res.removeHeader('Content-Encoding');
    if (this.codec !== undefined || this.#lengthIsOurs) this.#res.removeHeader('Content-Length');
    this.decided = false;
    this.#lengthIsOurs = false;
    this.codec = undefined;
    this.body = undefined;
    this.encoded = undefined;
    this.handedOver = false;
    this.#missed = undefined;
    this.#kept = undefined;
  }

  #length(): number | undefined {
    if (this.body !== undefined) return byteLength(this.body, this.charset);
    const declared = headerText(this.#res, 'content-length');
    return declared === '' ? undefined : Number(declared);
  }

  /** Declares the length that Node itself would, had it seen the body before the headers. */
  keepLength(status: number): void {
    const res = this.#res;
    if (this.body === undefined || this.codec !== undefined) return;
    if (this.#req.method === 'HEAD' || status === 204 || status === 304) return;
    if (framing.some((name) => res.hasHeader(name))) return;
    res.setHeader('Content-Length', byteLength(this.body, this.charset));
    this.#lengthIsOurs = true;
  }

  /** Sends a body that nothing was written of before. */
  endWhole(codec: Codec, body: Body, charset?: BufferEncoding, callback?: () => void): void {
    const res = this.#res;
    const bytes = toBytes(body, charset);
    const encoded = this.body === undefined ? this.#encodeWhole(codec, bytes) : this.encoded;
    if (encoded !== undefined) {
      this.handedOver = true;
      this.end.call(res, encoded, undefined, callback);
      return;
    }
    if (!res.headersSent) res.writeHead(res.statusCode);
    this.openStream(codec).end(this.#missed ?? bytes, undefined, callback);
  }

  openStream(codec: Codec): EncodedStream {
    const { cache } = this.#settings;
    const missed = this.#missed;
    const kept = this.#kept;
    let keep = cache && missed && ((encoded: Buffer) => cache.set(codec.encoding, missed, encoded));
    if (kept) keep = (encoded) => kept.set(codec.encoding, encoded);
    this.stream = new EncodedStream(this.#res, codec, this, keep);
    return this.stream;
  }

  /** Encodes a body in one go; `undefined` where that would take too long, or failed. */
  #encodeWhole(codec: Codec, bytes: Uint8Array): Buffer | undefined {
    const { cache, syncLimit } = this.#settings;
    this.#missed = undefined;
    this.#kept = undefined;
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
        if (kept) this.#kept = kept;
        // a copy: the app may use its own buffer again while the encoder is at work
        else if (cached) this.#missed = Buffer.from(bytes);
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
