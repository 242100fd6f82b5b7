import { randomInt } from 'node:crypto';
import zlib from 'node:zlib';

const { constants } = zlib;

/** A content coding this library can produce (RFC 1952, RFC 7932, RFC 8878). */
export type Encoding = 'br' | 'gzip' | 'zstd';

/** All of them, in the order of preference among equals. */
export const encodingNames: readonly Encoding[] = ['br', 'gzip', 'zstd'];

/** The encodings this Node can produce; zstd arrived in 22.15. */
export const knownEncodings: readonly Encoding[] =
  'createZstdCompress' in zlib ? ['br', 'gzip', 'zstd'] : ['br', 'gzip'];

/** A zlib transform: what all encoders share. */
export type Encoder = zlib.Gzip | zlib.BrotliCompress | zlib.ZstdCompress;

/** One content coding at one level. */
export interface Codec {
  readonly encoding: Encoding;
  /** Encodes a whole body in one synchronous call. */
  readonly encode: (body: Uint8Array) => Buffer;
  /**
   * Makes an encoder for a body that comes in parts. Where its size is known and stated, zstd takes tables of that size:
   * at its best levels those for an unknown size cost 400 ms per file. A body of another size is an error then.
   */
  readonly stream: (size?: number) => Encoder;
  /** The flush that ends a block and keeps the dictionary. */
  readonly flushKind: number;
  /** Whether the same body gives the same bytes again. */
  readonly cacheable: boolean;
  /** Changes the first part that an encoder of `stream` puts out. */
  readonly start?: (part: Buffer) => Buffer;
}

/**
 * The level of each encoding unless an option says otherwise. On 10 KB of JSON, Brotli at 3 costs what gzip costs at 6
 * (50 and 53 µs) and is 3% smaller; at 4 it costs half as much again for another 1%.
 */
export const defaultLevels: Readonly<Record<Encoding, number>> = { br: 3, gzip: 6, zstd: 3 };

// functions of zlib are looked up when called, so that those who observe or patch it are not passed by
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

/** gzip whose length on the wire is blurred, against BREACH. */
export function paddedGzip(level?: number): Codec {
  const gzip = codecOf('gzip', level);
  return { ...gzip, cacheable: false, start: padGzip, encode: (body) => padGzip(gzip.encode(body)) };
}

const fixedHeaderBytes = 10;
const flagsAt = 3;
const nameFlag = 0x08;
const maxNameLength = 100;

/**
 * Gives a gzip body a file name of 1 to 100 random characters (RFC 1952 section 2.3.1): decoders skip it, and the
 * length on the wire no longer tells how well the body compressed. Takes the whole body or its first part.
 */
function padGzip(start: Buffer): Buffer {
  const name = Buffer.alloc(randomInt(1, maxNameLength + 1) + 1, 'p');
  name[name.length - 1] = 0;
  const padded = Buffer.concat([start.subarray(0, fixedHeaderBytes), name, start.subarray(fixedHeaderBytes)]);
  padded[flagsAt] = (padded[flagsAt] ?? 0) | nameFlag;
  return padded;
}
