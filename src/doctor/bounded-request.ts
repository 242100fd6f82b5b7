import { createHash } from 'node:crypto';
import http, { type IncomingMessage, type RequestOptions } from 'node:http';
import https from 'node:https';
import { brotliDecompressSync, constants, gunzipSync, inflateSync } from 'node:zlib';
import { attempt } from '../support/attempt.js';
import type { Exchange, ResponseObservation } from './observations.js';
import { linksIn } from './request-paths.js';

const responseMs = 5000;
/** Bytes of a body that are read at most, encoded and decoded. */
const mostBytes = 4 * 2 ** 20;
/** The limits of one response, for notes. */
export const responseLimits = `${responseMs / 1000} s and ${mostBytes / 2 ** 20} MiB`;
const textLength = 2000;

/** A server that receives requests. */
export interface Target {
  readonly host: string;
  readonly port: number;
  readonly encrypted: boolean;
  /** Whether its certificate must be valid. */
  readonly verified: boolean;
}

export interface SentRequest {
  readonly method: string;
  readonly path: string;
}

export interface Received extends Pick<Exchange, 'response' | 'failure'> {
  /** Paths of the same server that the response contains. */
  readonly links: readonly string[];
  /** Of the whole body; `null` without a response, and for a body that was not read to its end. */
  readonly digest: string | null;
  readonly error: Error | null;
}

/** Sends one request, and reads of its response only what a hostile server cannot make large or slow. */
export function send(target: Target, { method, path }: SentRequest): Promise<Received> {
  const { host, port, encrypted, verified } = target;
  const isChange = method !== 'GET' && method !== 'HEAD';
  const options: RequestOptions = {
    ...{ method, host, port, path, agent: false },
    headers: {
      'accept-encoding': 'gzip, br',
      accept: 'text/html, application/json, */*',
      ...(isChange && { 'content-type': 'application/json', 'content-length': 2 }),
    },
    ...(encrypted && { rejectUnauthorized: verified }),
  };
  return new Promise((resolve) => {
    const req = (encrypted ? https : http).request(options);
    const done = (received: Partial<Received>): void => {
      clearTimeout(timer);
      req.destroy();
      resolve({ response: null, failure: null, links: [], digest: null, error: null, ...received });
    };
    const timer = setTimeout(() => done({ failure: 'no response' }), responseMs);
    req.on('error', (error) => done({ failure: 'connection closed', error }));
    req.once('close', () => done({ failure: 'connection closed' }));
    req.once('response', (res) => {
      // an endless response shows all that is of interest in its beginning
      clearTimeout(timer);
      void read(res).then(({ links, digest, ...response }) => done({ response, links, digest }));
    });
    req.end(isChange ? '{}' : undefined);
  });
}

async function read(res: IncomingMessage): Promise<ResponseObservation & Pick<Received, 'links' | 'digest'>> {
  // chunks of a byte each would take a hundred times their size
  const buffer = Buffer.allocUnsafe(mostBytes);
  let bytes = 0;
  let limit: NodeJS.Timeout | undefined;
  const awaited = await new Promise<ResponseObservation['awaited']>((resolve) => {
    limit = setTimeout(() => resolve(bytes === 0 ? 'all' : 'more'), responseMs);
    res.on('data', (chunk: Buffer) => {
      bytes += chunk.copy(buffer, bytes);
      if (bytes === mostBytes) resolve('more');
    });
    res.once('error', () => {});
    res.once('close', () => resolve(null));
  });
  clearTimeout(limit);
  const body = buffer.subarray(0, bytes);
  const decoded = decode(body, String(res.headers['content-encoding'] ?? ''));
  return {
    status: res.statusCode ?? 0,
    headers: res.headers,
    bytes,
    awaited,
    text: decoded.subarray(0, textLength).toString('utf8'),
    compressedTwice: decoded !== body && isGzip(decoded),
    digest: res.complete ? createHash('sha256').update(body).digest('base64') : null,
    links: linksIn(decoded.subarray(0, 256 * 1024).toString('utf8'), res.headers.location),
  };
}

/** Decodes what has arrived: a body may be cut off. */
function decode(body: Buffer, encoding: string): Buffer {
  const limit = { maxOutputLength: mostBytes };
  const zlib = { ...limit, finishFlush: constants.Z_SYNC_FLUSH };
  const decoders: Readonly<Record<string, () => Buffer>> = {
    gzip: () => gunzipSync(body, zlib),
    deflate: () => inflateSync(body, zlib),
    br: () => brotliDecompressSync(body, { ...limit, finishFlush: constants.BROTLI_OPERATION_FLUSH }),
  };
  const decoder = Object.hasOwn(decoders, encoding) ? decoders[encoding] : undefined;
  return decoder === undefined ? body : attempt(decoder, body);
}

function isGzip(body: Buffer): boolean {
  return body[0] === 0x1f && body[1] === 0x8b;
}
