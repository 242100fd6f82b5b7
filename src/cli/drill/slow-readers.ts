import { begin, readAll } from './drill-exchange.js';
import { eachClient, pause, repeat, slowMs, type Traffic } from './traffic.js';
import { TrafficCounts } from './traffic-counts.js';

/** Clients that read a response late. A response that is larger than the buffers stays in flight until then. */
export function slowReaders(path: string, expectedStatus: number): Traffic {
  const counts = new TrafficCounts('slow readers');
  return {
    counts,
    run: (context) =>
      eachClient(context, () =>
        repeat(context, counts, 0, async () => {
          const from = performance.now();
          const { req, head } = begin(context, { path });
          req.end();
          const res = await head;
          const ms = performance.now() - from;
          let cut: Error | undefined;
          const remember = (error: Error): void => {
            cut = error;
          };
          res.once('error', remember);
          await pause(slowMs, context.end);
          res.off('error', remember);
          if (cut) throw cut;
          await readAll(res, expectedStatus);
          return ms;
        }),
      ),
  };
}
