import { once } from 'node:events';
import http, { type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';
import { createGunzip, createInflate } from 'node:zlib';

/** What an agent has sent in one request. */
export interface Sent {
  readonly url: string;
  readonly body: Buffer;
}

/** The server that a tracing agent sends its records to, in place of the vendor's. */
interface Collector {
  readonly port: number;
  readonly sent: readonly Sent[];
  /** Resolves as soon as `test` returns true, which runs after each request. */
  until(test: () => boolean): Promise<void>;
  close(): void;
}

export async function startCollector(): Promise<Collector> {
  const sent: Sent[] = [];
  const server = http.createServer(async (req, res) => {
    sent.push({ url: req.url as string, body: await buffer(decompress(req)) });
    // Elastic's agent reads the version, the one of Datadog its sampling rates
    res.writeHead(200, { 'content-type': 'application/json' });
    res.end('{"version":"8.19.0","rate_by_service":{}}');
    server.emit('sent');
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    sent,
    async until(test) {
      while (!test()) await once(server, 'sent');
    },
    close() {
      server.close();
      server.closeAllConnections();
    },
  };
}

function decompress(req: IncomingMessage): NodeJS.ReadableStream {
  const encoding = req.headers['content-encoding'];
  if (encoding === 'gzip') return req.pipe(createGunzip());
  return encoding === 'deflate' ? req.pipe(createInflate()) : req;
}
