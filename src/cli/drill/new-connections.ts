import { begin, readAll } from './drill-exchange.js';
import { eachClient, repeat, type Traffic } from './traffic.js';
import { TrafficCounts } from './traffic-counts.js';

const pauseMs = 10;

/** Clients that open a connection for each request. */
export function newConnections(path: string, expectedStatus: number): Traffic {
  const counts = new TrafficCounts('new connections');
  return {
    counts,
    run: (context) =>
      eachClient(context, () =>
        repeat(context, counts, pauseMs, async () => {
          const from = performance.now();
          const { req, head } = begin(context, { path });
          req.end();
          await readAll(await head, expectedStatus);
          return performance.now() - from;
        }),
      ),
  };
}
