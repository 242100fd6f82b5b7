import { begin, readAll } from './drill-exchange.js';
import { Tally } from './tally.js';
import { eachClient, pause, repeat, slowMs, type Traffic } from './traffic.js';

/** Clients that leave an answer unread for a while; what is larger than the buffers stays in flight meanwhile. */
export function slowReaders(path: string, usual: number): Traffic {
  const tally = new Tally('slow readers');
  return {
    tally,
    run: (scene) =>
      eachClient(scene, () =>
        repeat(scene, tally, 0, async () => {
          const from = performance.now();
          const { req, head } = begin(scene, { path });
          req.end();
          const res = await head;
          const ms = performance.now() - from;
          let cut: Error | undefined;
          const remember = (error: Error): void => {
            cut = error;
          };
          res.once('error', remember);
          await pause(slowMs, scene.end);
          res.off('error', remember);
          if (cut) throw cut;
          await readAll(res, usual);
          return ms;
        }),
      ),
  };
}
