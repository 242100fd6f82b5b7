import { once } from 'node:events';
import http2 from 'node:http2';
import type { AddressInfo } from 'node:net';
import type { RequestHandler } from 'express';

export interface Http2Answer {
  readonly status: number;
  readonly headers: http2.IncomingHttpHeaders;
  readonly text: string;
  readonly trailers: http2.IncomingHttpHeaders | undefined;
  /** The code the stream was reset with; 0 where it ended as it should. */
  readonly code: number;
}

export interface Http2Served {
  readonly client: http2.ClientHttp2Session;
  ask(path: string, headers?: http2.OutgoingHttpHeaders, body?: string): Promise<Http2Answer>;
  close(): Promise<void>;
}

const open = new Set<Http2Served>();

/** Serves a handler over HTTP/2 without TLS, with one connection to it. `closeHttp2` in `afterEach` ends both. */
export async function serveHttp2(handler: RequestHandler): Promise<Http2Served> {
  const server = http2.createServer((req, res) => {
    handler(req as never, res as never, (error?: unknown) => {
      const { status = 500 } = (error ?? { status: 404 }) as { status?: number };
      res.statusCode = status;
      res.end(error === undefined ? 'next' : String(error));
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const client = http2.connect(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  const served: Http2Served = {
    client,
    ask: (path, headers, body) =>
      answerOf(client.request({ ':path': path, ...headers }, streaming(body)), body),
    async close() {
      open.delete(served);
      client.destroy();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
  open.add(served);
  return served;
}

export async function closeHttp2(): Promise<void> {
  await Promise.all([...open].map((served) => served.close()));
}

const streaming = (body: string | undefined) => ({ endStream: body === undefined });

/** What came back on a stream until it closed. */
export function answerOf(stream: http2.ClientHttp2Stream, body?: string): Promise<Http2Answer> {
  let headers: http2.IncomingHttpHeaders = {};
  let trailers: http2.IncomingHttpHeaders | undefined;
  const chunks: Buffer[] = [];
  stream.on('response', (received) => {
    headers = received;
  });
  stream.on('trailers', (received) => {
    trailers = received;
  });
  stream.on('data', (chunk: Buffer) => chunks.push(chunk));
  // the code tells
  stream.on('error', () => {});
  if (body !== undefined) stream.end(body);
  return new Promise((resolve) => {
    stream.on('close', () => {
      resolve({
        status: Number(headers[':status']),
        headers,
        text: Buffer.concat(chunks).toString(),
        trailers,
        code: stream.rstCode,
      });
    });
  });
}
