import { constants } from 'node:buffer';
import cluster from 'node:cluster';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Request, Response } from 'express';
import { availableCpus } from '../../support/available-cpus.js';
import { negotiation } from '../../support/encoding/content-encoding.js';
import {
  codecOf,
  type Encoding,
  encodingNames,
  knownEncodings,
  paddedGzip,
} from '../../support/encoding/encoders.js';
import { type Check, checkOptions, isFunction, isInteger, isOneOf } from '../../support/options.js';
import { compressibleType } from './compression-decision.js';
import { EncodedCache } from './encoded-cache.js';
import { type EncodingSettings, encodeResponse } from './response-encoding.js';
import { SentRepresentations } from './sent-representations.js';

declare global {
  namespace Express {
    interface Response {
      /** Sends the output that a streaming encoder has buffered. Available behind {@link compression}. */
      flush(): void;
    }
  }
}

/** Options of {@link compression}. */
export interface CompressionOptions {
  /**
   * The encodings to offer, the preferred one first. The client's q-values take precedence over this order. Encodings
   * that this version of Node does not support (zstd before 22.15) are ignored.
   * @default ['br', 'gzip', 'zstd']
   */
  readonly encodings?: readonly Encoding[];
  /** The level of each encoding: 0–11 for br, 1–9 for gzip, 1–19 for zstd. @default { br: 3, gzip: 6, zstd: 3 } */
  readonly levels?: { readonly [Name in Encoding]?: number };
  /** Bodies with fewer bytes are sent without an encoding. @default 1024 */
  readonly threshold?: number;
  /**
   * Bodies of up to this many bytes that are passed to `res.end` whole are encoded in one synchronous call. 0 turns
   * synchronous encoding off.
   * @default 64 KiB on one core or in a cluster worker, otherwise 64 KiB divided by the cores, at least 12 KiB
   */
  readonly syncLimitBytes?: number;
  /**
   * Bytes of memory for bodies and their encodings, for responses that are sent again. 0 turns the cache off. The
   * maximum is the size of one `Buffer` (`buffer.constants.MAX_LENGTH`).
   * @default 8 MiB
   */
  readonly cacheBytes?: number;
  /**
   * Whether a response may be encoded. It is called when the headers are complete.
   * @default {@link compressibleType}
   */
  readonly filter?: (req: Request, res: Response) => boolean;
  /**
   * The protection against BREACH for responses that set a cookie or are `private` or `no-store`: their compressed
   * length can reveal a secret in them. `'pad'` encodes them with gzip only and adds up to 100 bytes of random length.
   * `'skip'` does not encode them. `'off'` encodes them like others.
   * @default 'pad'
   */
  readonly breach?: 'pad' | 'skip' | 'off';
}

/**
 * Up to this size a synchronous call uses the main thread no longer than a streaming encoder, on any number of cores.
 * For 10 KB in gzip, a synchronous call takes 53–72 µs and a stream 56–89 µs (about 200 µs in total). For 16 KB, a
 * synchronous call takes 90–130 µs and a stream 65–104 µs.
 */
const syncFloor = 12 * 1024;
/** The limit on one core, where only the total time matters: 64 KB take 0.8 ms in one call and 1 ms in a stream. */
const syncCeiling = 64 * 1024;

function defaultSyncLimit(): number {
  // The workers of a cluster share the cores.
  const cpus = cluster.isWorker ? 1 : Math.max(1, availableCpus());
  return Math.max(syncFloor, Math.floor(syncCeiling / cpus));
}

const isEncodingList: Check = (value) =>
  Array.isArray(value) && value.length > 0 && value.every((item) => encodingNames.includes(item))
    ? undefined
    : "a list of 'br', 'gzip' and 'zstd'";

const levelChecks: Readonly<Record<Encoding, Check>> = {
  br: isInteger('levels', 0, 11),
  gzip: isInteger('levels', 1, 9),
  zstd: isInteger('levels', 1, 19),
};

export const optionChecks = {
  encodings: isEncodingList,
  levels: () => undefined,
  threshold: isInteger('bytes'),
  syncLimitBytes: isInteger('bytes'),
  cacheBytes: isInteger('bytes', 0, constants.MAX_LENGTH),
  filter: isFunction,
  breach: isOneOf('pad', 'skip', 'off'),
};

export function resolveCompression(
  options?: CompressionOptions,
): EncodingSettings & { readonly encodings: readonly Encoding[] } {
  const {
    encodings = encodingNames,
    levels,
    threshold = 1024,
    syncLimitBytes = defaultSyncLimit(),
    cacheBytes = 8 * 1024 * 1024,
    filter = compressibleType,
    breach = 'pad',
  } = checkOptions('compression', options, optionChecks);
  const level = checkOptions('compression levels', levels, levelChecks);
  const usable = encodings.filter((encoding) => knownEncodings.includes(encoding));
  const offer = negotiation(usable.map((encoding) => codecOf(encoding, level[encoding])));
  const padded = breach === 'pad' && usable.includes('gzip') ? [paddedGzip(level.gzip)] : [];
  return {
    encodings: usable,
    threshold,
    filter,
    offer,
    sent: new SentRepresentations(),
    secretOffer: breach === 'off' ? offer : negotiation(padded),
    syncLimit: syncLimitBytes,
    cache: cacheBytes > 0 ? new EncodedCache(cacheBytes) : undefined,
  };
}

/**
 * Middleware that encodes response bodies with Brotli, gzip or zstd. A body that is passed to `res.end` whole, as by
 * `res.json` and `res.send`, is encoded in one call and sent with its exact length. When the same body is sent again,
 * its encoding is read from a bounded cache. Larger bodies and those sent by `res.write` use a streaming encoder, which
 * is flushed 10 ms after a write, or immediately by `res.flush()`.
 *
 * Responses with a range, `no-transform`, a `Content-Encoding` or a digest are not encoded. Event streams and bodies
 * that are not compressible or below the threshold are not encoded either. `DEBUG=productionize:compression` prints the
 * reason. A strong ETag becomes weak when the body is encoded. `Vary` is set when another request could receive another
 * encoding (RFC 9110).
 *
 * @throws ProductionizeError when an option is wrong.
 * @example
 * app.use(compression({ threshold: 2048 }))
 */
export function compression(
  options?: CompressionOptions,
): (req: IncomingMessage, res: ServerResponse, next: () => void) => void {
  return compressResponses(resolveCompression(options));
}

export function compressResponses(settings: EncodingSettings): ReturnType<typeof compression> {
  return function compressionMiddleware(req: IncomingMessage, res: ServerResponse, next: () => void) {
    encodeResponse(req, res, settings);
    next();
  };
}
