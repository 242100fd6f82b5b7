import { randomInt } from 'node:crypto';
import zlib from 'node:zlib';

const { constants } = zlib;

/** A content coding this library can produce (RFC 1952, RFC 7932, RFC 8878). */
export type Encoding = 'br' | 'gzip' | 'zstd';

/** All encodings, in the order of preference among equal q-values. */
export const encodingNames: readonly Encoding[] = ['br', 'gzip', 'zstd'];

/** The encodings that this version of Node can produce; zstd is available since 22.15. */
export const knownEncodings: readonly Encoding[] =
  'createZstdCompress' in zlib ? ['br', 'gzip', 'zstd'] : ['br', 'gzip'];

export type Encoder = zlib.Gzip | zlib.BrotliCompress | zlib.ZstdCompress;

/** One content coding at one level. */
export interface Codec {
  readonly encoding: Encoding;
  /** Encodes a whole body in one synchronous call. */
  readonly encode: (body: Uint8Array) => Buffer;
  /**
   * Creates a streaming encoder. With a `size`, zstd allocates tables of that size, and a body of another size causes
   * an error. Without a `size`, the tables cost 400 ms per file at the best levels.
   */
  readonly stream: (size?: number) => Encoder;
  /** The kind of flush that ends a block and retains the dictionary. */
  readonly flushKind: number;
  /** Whether the same body always results in the same bytes. */
  readonly cacheable: boolean;
  /** Transforms the first chunk of output of an encoder of `stream`. */
  readonly start?: (part: Buffer) => Buffer;
}

/**
 * The default level of each encoding. On 10 KB of JSON, Brotli at 3 takes as long as gzip at 6 (50 and 53 µs), and its
 * output is 3% smaller. Brotli at 4 takes 50% longer than at 3, and its output is another 1% smaller.
 */
const defaultLevels: Readonly<Record<Encoding, number>> = { br: 3, gzip: 6, zstd: 3 };

// Functions of zlib are looked up at each call, so that functions that were patched later are called.
const codecs: Readonly<Record<Encoding, (level: number) => Codec>> = {
  gzip(level) {
    const options = { level };
    return {
      encoding: 'gzip',
      cacheable: true,
      encode: (body) => zlib.gzipSync(body, options),
      stream: () => zlib.createGzip(options),
      flushKind: constants.Z_SYNC_FLUSH,
    };
  },
  br(level) {
    const options = { params: { [constants.BROTLI_PARAM_QUALITY]: level } };
    return {
      encoding: 'br',
      cacheable: true,
      encode: (body) => zlib.brotliCompressSync(body, options),
      stream: () => zlib.createBrotliCompress(options),
      flushKind: constants.BROTLI_OPERATION_FLUSH,
    };
  },
  zstd(level) {
    const params = { [constants.ZSTD_c_compressionLevel]: level };
    return {
      encoding: 'zstd',
      cacheable: true,
      encode: (body) => zlib.zstdCompressSync(body, { params, pledgedSrcSize: body.byteLength }),
      stream: (size) => zlib.createZstdCompress({ params, pledgedSrcSize: size }),
      flushKind: constants.ZSTD_e_flush,
    };
  },
};

/** The codec of an encoding at a level. */
export function codecOf(encoding: Encoding, level = defaultLevels[encoding]): Codec {
  return codecs[encoding](level);
}

/** The gzip codec with padding of random length, a protection against BREACH. */
export function paddedGzip(level?: number): Codec {
  const gzip = codecOf('gzip', level);
  return { ...gzip, cacheable: false, start: padGzip, encode: (body) => padGzip(gzip.encode(body)) };
}

const fixedHeaderBytes = 10;
const flagsAt = 3;
const nameFlag = 0x08;
const maxNameLength = 100;

/**
 * Adds a file name with a random length of 1 to 100 characters to a gzip body (RFC 1952 section 2.3.1). Decoders skip
 * the name. The length of the response then no longer reveals how small the compressed body is. `start` is the whole
 * body or its first chunk.
 */
function padGzip(start: Buffer): Buffer {
  const name = Buffer.alloc(randomInt(1, maxNameLength + 1) + 1, 'p');
  name[name.length - 1] = 0;
  const padded = Buffer.concat([start.subarray(0, fixedHeaderBytes), name, start.subarray(fixedHeaderBytes)]);
  padded[flagsAt] = (padded[flagsAt] ?? 0) | nameFlag;
  return padded;
}
