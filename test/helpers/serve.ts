import { once } from 'node:events';
import http from 'node:http';
import net, { type AddressInfo } from 'node:net';

export interface Served {
  readonly port: number;
  readonly url: string;
  readonly server: http.Server;
  close(): Promise<void>;
}

const open = new Set<Served>();

/** Serves a handler or app on a free loopback port. `closeAll` in `afterEach` takes every server down. */
export async function serve(handler: http.RequestListener | { handle: unknown }): Promise<Served> {
  const server = http.createServer(handler as http.RequestListener);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const served: Served = {
    port,
    url: `http://127.0.0.1:${port}`,
    server,
    async close() {
      open.delete(served);
      server.closeAllConnections();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
  open.add(served);
  return served;
}

export async function closeAll(): Promise<void> {
  await Promise.all([...open].map((served) => served.close()));
}

export interface Answer {
  readonly status: number;
  readonly headers: http.IncomingHttpHeaders;
  readonly body: Buffer;
  readonly text: string;
  /** The connection ended before the message was complete. */
  readonly cut: boolean;
}

/** One request over a connection of its own, through a client that does not decode or repair anything. */
export function get(
  url: string,
  options: http.RequestOptions & { body?: string | Buffer } = {},
): Promise<Answer> {
  const { body, ...rest } = options;
  return new Promise((resolve, reject) => {
    const req = http.request(url, { agent: false, ...rest }, (res) => {
      const chunks: Buffer[] = [];
      let cut = false;
      res.on('data', (chunk) => chunks.push(chunk));
      res.on('error', () => {
        cut = true;
      });
      res.on('close', () => {
        const bytes = Buffer.concat(chunks);
        resolve({
          status: res.statusCode ?? 0,
          headers: res.headers,
          body: bytes,
          text: bytes.toString(),
          cut: cut || !res.complete,
        });
      });
    });
    req.on('error', reject);
    req.end(body);
  });
}

/** Sends raw bytes and returns all that came back until the server closed the connection. */
export function raw(port: number, bytes: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    const socket = net.connect(port, '127.0.0.1', () => socket.write(bytes));
    socket.on('data', (chunk) => chunks.push(chunk));
    socket.on('error', reject);
    socket.on('close', () => resolve(Buffer.concat(chunks).toString('latin1')));
  });
}
