import http from 'node:http';
import { brotliDecompressSync, gunzipSync, inflateSync } from 'node:zlib';
import { attempt } from '../support/attempt.js';
import type { Exchange, ResponseObservation } from './observations.js';

const responseMs = 5000;
/** Bytes of a body that are read at most. */
const mostBytes = 4 * 2 ** 20;
const textLength = 2000;

/** Paths that are requested of each app: usual health checks, and one without a route. */
const always: readonly Pick<Exchange, 'path' | 'kind'>[] = [
  ...['/readyz', '/healthz', '/health', '/livez', '/ping', '/status'].map((path) => ({
    path,
    kind: 'health' as const,
  })),
  { path: '/express-productionize-doctor-missing', kind: 'missing' },
];

/**
 * Sends GET requests one after the other, none of which may change anything (RFC 9110 section 9.2.1). Rejects as
 * `isAlive` does, which is called after each failure.
 */
export async function exchange(
  port: number,
  paths: readonly string[],
  malformedPath: string | null,
  isAlive: () => Promise<unknown>,
): Promise<Exchange[]> {
  const exchanges: Exchange[] = [];
  const routes = paths.map((path) => ({ path, kind: 'route' as const }));
  const malformed = malformedPath === null ? [] : [{ path: malformedPath, kind: 'malformed' as const }];
  for (const each of [...routes, ...malformed, ...always]) {
    const result = await get(port, each.path);
    exchanges.push({ ...each, ...result });
    if (result.failure !== null) await isAlive();
  }
  return exchanges;
}

function get(port: number, path: string): Promise<Omit<Exchange, 'path' | 'kind'>> {
  return new Promise((resolve) => {
    const req = http.get({
      host: '127.0.0.1',
      port,
      path,
      agent: false,
      headers: { 'accept-encoding': 'gzip, br', accept: 'text/html, application/json, */*' },
    });
    const done = (response: ResponseObservation | null, failure: Exchange['failure']): void => {
      clearTimeout(timer);
      req.destroy();
      resolve({ method: 'GET', response, failure });
    };
    const timer = setTimeout(() => done(null, 'no response'), responseMs);
    req.once('error', () => done(null, 'connection closed'));
    req.once('response', (res) => {
      const chunks: Buffer[] = [];
      let bytes = 0;
      const end = (): void => {
        const body = Buffer.concat(chunks);
        const decoded = decode(body, String(res.headers['content-encoding'] ?? ''));
        done(
          {
            status: res.statusCode ?? 0,
            headers: res.headers,
            bytes,
            text: decoded.subarray(0, textLength).toString('utf8'),
            compressedTwice: decoded !== body && isGzip(decoded),
          },
          null,
        );
      };
      // an endless response shows all that is of interest in its beginning
      clearTimeout(timer);
      const limit = setTimeout(end, responseMs);
      res.on('data', (chunk: Buffer) => {
        bytes += chunk.length;
        chunks.push(chunk);
        if (bytes > mostBytes) end();
      });
      res.once('close', () => {
        clearTimeout(limit);
        end();
      });
    });
  });
}

function decode(body: Buffer, encoding: string): Buffer {
  const decoders = { gzip: gunzipSync, br: brotliDecompressSync, deflate: inflateSync } as const;
  if (!Object.hasOwn(decoders, encoding)) return body;
  return attempt(
    () => decoders[encoding as keyof typeof decoders](body, { maxOutputLength: mostBytes }),
    body,
  );
}

function isGzip(body: Buffer): boolean {
  return body[0] === 0x1f && body[1] === 0x8b;
}
