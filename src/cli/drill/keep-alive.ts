import http from 'node:http';
import { begin, readAll } from './drill-exchange.js';
import { eachClient, repeat, type Traffic } from './traffic.js';
import { TrafficCounts } from './traffic-counts.js';

const pauseMs = 2;

/** Clients that send one request after the other on one connection, as browsers and proxies do. */
export function keepAlive(path: string, expectedStatus: number): Traffic {
  const counts = new TrafficCounts('keep-alive');
  return {
    counts,
    run: (context) =>
      eachClient(context, async () => {
        const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
        let connections = 0;
        await repeat(context, counts, pauseMs, async () => {
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
