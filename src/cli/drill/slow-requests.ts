import net from 'node:net';
import { begin, readAll } from './drill-exchange.js';
import { eachClient, pause, repeat, slowMs, type Traffic } from './traffic.js';
import { TrafficCounts } from './traffic-counts.js';

/** Clients on a slow network. The head of their request arrives in two pieces with a long wait between them. */
export function slowRequests(path: string, expectedStatus: number): Traffic {
  const counts = new TrafficCounts('slow requests');
  return {
    counts,
    run: (context) =>
      eachClient(context, () =>
        repeat(context, counts, 0, async () => {
          let from = 0;
          const { req, head } = begin(context, {
            path,
            agent: undefined,
            createConnection: () =>
              inTwoPieces(net.connect(context.target), context.end, () => {
                from = performance.now();
              }),
          });
          req.end();
          await readAll(await head, expectedStatus);
          return performance.now() - from;
        }),
      ),
  };
}

/** Splits the first write to a socket. The second half is sent after `slowMs`, and `sent` is called just before. */
function inTwoPieces(socket: net.Socket, end: AbortSignal, sent: () => void): net.Socket {
  const { write } = socket;
  socket.write = function writeInTwoPieces(data: string | Uint8Array, ...rest: unknown[]) {
    socket.write = write;
    const bytes = Buffer.from(
      data as string,
      typeof rest[0] === 'string' ? (rest[0] as 'latin1') : undefined,
    );
    const middle = bytes.length >> 1;
    socket.write(bytes.subarray(0, middle));
    void pause(slowMs, end).then(() => {
      sent();
      socket.write(bytes.subarray(middle), rest.findLast((arg) => typeof arg === 'function') as () => void);
    });
    return true;
  } as typeof write;
  return socket;
}
