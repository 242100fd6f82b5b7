import http from 'node:http';
import { begin, readAll } from './drill-exchange.js';
import { Tally } from './tally.js';
import { eachClient, repeat, type Traffic } from './traffic.js';

const pauseMs = 2;

/** Clients that send one request after the other over one connection, as browsers and proxies do. */
export function keepAlive(path: string, usual: number): Traffic {
  const tally = new Tally('keep-alive');
  return {
    tally,
    run: (scene) =>
      eachClient(scene, async () => {
        const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
        let connections = 0;
        await repeat(scene, tally, pauseMs, async () => {
          const from = performance.now();
          const { req, head } = begin(scene, { path, agent });
          req.end();
          const res = await head;
          if (!req.reusedSocket && connections++ > 0) tally.reconnected++;
          await readAll(res, usual);
          return performance.now() - from;
        });
        agent.destroy();
      }),
  };
}
