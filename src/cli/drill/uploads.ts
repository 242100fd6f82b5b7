import { begin, readAll, usualStatus } from './drill-exchange.js';
import { Tally } from './tally.js';
import { eachClient, pause, repeat, slowMs, type Traffic } from './traffic.js';

const pieces = 8;
const piece = Buffer.alloc(8192, 'upload ');
const headers = { 'content-type': 'application/octet-stream', 'content-length': pieces * piece.length };

/** Clients whose request bodies arrive piece by piece. */
export function uploads(path: string): Traffic {
  const tally = new Tally('uploads');
  const options = { method: 'POST', path, headers };
  let usual = 0;
  return {
    tally,
    async probe(scene) {
      usual = await usualStatus(scene, options, Buffer.concat(Array(pieces).fill(piece)));
      if (usual === 404 || usual === 405) {
        throw new Error(`POST ${path} is answered ${usual}: --upload names a path that takes uploads`);
      }
    },
    run: (scene) =>
      eachClient(scene, () =>
        repeat(scene, tally, 0, async () => {
          const { req, head } = begin(scene, options);
          let answered = false;
          const settled = (): void => {
            answered = true;
          };
          head.then(settled, settled);
          for (let n = 1; n < pieces && !answered; n++) {
            req.write(piece);
            await pause(slowMs / pieces, scene.end);
          }
          const from = performance.now();
          // an app that answers before it has read everything closes the connection: that is its answer
          if (!answered) req.end(piece);
          const res = await head;
          const ms = performance.now() - from;
          await readAll(res, usual);
          req.destroy();
          return ms;
        }),
      ),
  };
}
