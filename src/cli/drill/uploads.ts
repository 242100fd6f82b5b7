import { begin, readAll, requestStatus } from './drill-exchange.js';
import { eachClient, pause, repeat, slowMs, type Traffic } from './traffic.js';
import { TrafficCounts } from './traffic-counts.js';

const pieces = 8;
const piece = Buffer.alloc(8192, 'upload ');
const headers = { 'content-type': 'application/octet-stream', 'content-length': pieces * piece.length };

/** Clients that send their request bodies in several pieces. */
export function uploads(path: string): Traffic {
  const counts = new TrafficCounts('uploads');
  const options = { method: 'POST', path, headers };
  let expectedStatus = 0;
  return {
    counts,
    async probe(context) {
      expectedStatus = await requestStatus(context, options, Buffer.concat(Array(pieces).fill(piece)));
      if (expectedStatus === 404 || expectedStatus === 405) {
        throw new Error(
          `POST ${path} is answered ${expectedStatus}: --upload names a path that takes uploads`,
        );
      }
    },
    run: (context) =>
      eachClient(context, () =>
        repeat(context, counts, 0, async () => {
          const { req, head } = begin(context, options);
          let answered = false;
          const settled = (): void => {
            answered = true;
          };
          head.then(settled, settled);
          for (let n = 1; n < pieces && !answered; n++) {
            req.write(piece);
            await pause(slowMs / pieces, context.end);
          }
          const from = performance.now();
          // an app that responds before it has read the body closes the connection; its response counts
          if (!answered) req.end(piece);
          const res = await head;
          const ms = performance.now() - from;
          await readAll(res, expectedStatus);
          req.destroy();
          return ms;
        }),
      ),
  };
}
