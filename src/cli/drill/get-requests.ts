import http from 'node:http';
import net from 'node:net';
import { begin, get, readAll } from './drill-exchange.js';
import { eachClient, pause, repeat, repeatedRequests, slowMs, type Traffic } from './traffic.js';
import { TrafficCounts } from './traffic-counts.js';

/** The four kinds of GET traffic to one path. */
export function getRequests(path: string, expectedStatus: number): Traffic[] {
  return [keepAlive, newConnections, slowRequests, slowReaders].map((kind) => kind(path, expectedStatus));
}

/** Clients that send one request after the other on one connection, as browsers and proxies do. */
function keepAlive(path: string, expectedStatus: number): Traffic {
  const counts = new TrafficCounts('keep-alive');
  return {
    counts,
    run: (context) =>
      eachClient(context, async () => {
        const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
        let connections = 0;
        await repeat(context, counts, 2, async () => {
          const from = performance.now();
          const { req, head } = begin(context, { path, agent });
          req.end();
          const res = await head;
          if (!req.reusedSocket && connections++ > 0) counts.reconnected++;
          await readAll(res, expectedStatus);
          return performance.now() - from;
        });
        agent.destroy();
      }),
  };
}

/** Clients that open a connection for each request. */
function newConnections(path: string, expectedStatus: number): Traffic {
  return repeatedRequests('new connections', 10, async (context) => {
    const from = performance.now();
    await readAll(await get(context, { path }), expectedStatus);
    return performance.now() - from;
  });
}

/** Clients on a slow network. The head of their request arrives in two pieces with a long wait between them. */
function slowRequests(path: string, expectedStatus: number): Traffic {
  return repeatedRequests('slow requests', 0, async (context) => {
    let from = 0;
    const createConnection = (): net.Socket =>
      inTwoPieces(net.connect(context.target), context.end, () => {
        from = performance.now();
      });
    await readAll(await get(context, { path, agent: undefined, createConnection }), expectedStatus);
    return performance.now() - from;
  });
}

/** Clients that read a response late. A response that is larger than the buffers stays in flight until then. */
function slowReaders(path: string, expectedStatus: number): Traffic {
  return repeatedRequests('slow readers', 0, async (context) => {
    const from = performance.now();
    const res = await get(context, { path });
    const ms = performance.now() - from;
    let interruption: Error | undefined;
    const onError = (error: Error): void => {
      interruption = error;
    };
    res.once('error', onError);
    await pause(slowMs, context.end);
    res.off('error', onError);
    if (interruption) throw interruption;
    await readAll(res, expectedStatus);
    return ms;
  });
}

/** Splits the first write to a socket. The second half is sent after `slowMs`, and `onSend` is called just before. */
function inTwoPieces(socket: net.Socket, end: AbortSignal, onSend: () => void): net.Socket {
  const { write } = socket;
  socket.write = function writeInTwoPieces(data: string | Uint8Array, ...rest: unknown[]) {
    socket.write = write;
    const encoding = typeof rest[0] === 'string' ? (rest[0] as 'latin1') : undefined;
    const bytes = Buffer.from(data as string, encoding);
    const middle = bytes.length >> 1;
    socket.write(bytes.subarray(0, middle));
    void pause(slowMs, end).then(() => {
      onSend();
      socket.write(bytes.subarray(middle), rest.findLast((arg) => typeof arg === 'function') as () => void);
    });
    return true;
  } as typeof write;
  return socket;
}
