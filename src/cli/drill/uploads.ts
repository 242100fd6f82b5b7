import { begin, readAll, requestStatus } from './drill-exchange.js';
import { pause, repeatedRequests, slowMs, type Traffic } from './traffic.js';

const pieces = 8;
const piece = Buffer.alloc(8192, 'upload ');
const headers = { 'content-type': 'application/octet-stream', 'content-length': pieces * piece.length };

/** Clients that send their request bodies in several pieces. */
export function uploads(path: string): Traffic {
  const options = { method: 'POST', path, headers };
  let expectedStatus = 0;
  const traffic = repeatedRequests('uploads', 0, async (context) => {
    const { req, head } = begin(context, options);
    let responded = false;
    const settled = (): void => {
      responded = true;
    };
    head.then(settled, settled);
    for (let n = 1; n < pieces && !responded; n++) {
      req.write(piece);
      await pause(slowMs / pieces, context.end);
    }
    const from = performance.now();
    // an app that responds before it has read the body closes the connection; its response counts
    if (!responded) req.end(piece);
    const res = await head;
    const ms = performance.now() - from;
    await readAll(res, expectedStatus);
    req.destroy();
    return ms;
  });
  return {
    ...traffic,
    async probe(context) {
      expectedStatus = await requestStatus(context, options, Buffer.concat(Array(pieces).fill(piece)));
      if (expectedStatus === 404 || expectedStatus === 405) {
        throw new Error(
          `POST ${path}: status ${expectedStatus}. Pass a path that accepts uploads by --upload.`,
        );
      }
    },
  };
}
