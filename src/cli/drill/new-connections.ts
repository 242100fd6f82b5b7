import { begin, readAll } from './drill-exchange.js';
import { Tally } from './tally.js';
import { eachClient, repeat, type Traffic } from './traffic.js';

const pauseMs = 10;

/** Clients that open a connection for each request. */
export function newConnections(path: string, usual: number): Traffic {
  const tally = new Tally('new connections');
  return {
    tally,
    run: (scene) =>
      eachClient(scene, () =>
        repeat(scene, tally, pauseMs, async () => {
          const from = performance.now();
          const { req, head } = begin(scene, { path });
          req.end();
          await readAll(await head, usual);
          return performance.now() - from;
        }),
      ),
  };
}
