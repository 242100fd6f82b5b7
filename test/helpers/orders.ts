import http from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';

/** What clients saw that POST at a steady rate. */
export interface Orders {
  readonly sent: number;
  readonly failures: readonly string[];
}

/** POSTs to `/orders/<number>` at a rate, by default over connections that are used again, while `work` is done. */
export async function ordersWhile(
  url: string,
  perSecond: number,
  work: () => Promise<void>,
  keepAlive = true,
): Promise<Orders> {
  const agent = new http.Agent({ keepAlive, maxSockets: 50 });
  const failures: string[] = [];
  const pending: Promise<void>[] = [];
  const order = (): void => {
    const id = pending.length;
    pending.push(
      new Promise((resolve) => {
        const fail = (reason: string): void => {
          failures.push(`${id}: ${reason}`);
          resolve();
        };
        const headers = { 'content-type': 'application/json' };
        const req = http.request(`${url}/orders/${id}`, { method: 'POST', agent, headers }, (res) => {
          res.resume();
          res.once('error', ({ message }) => fail(message));
          res.once('end', () => (res.statusCode === 200 ? resolve() : fail(`status ${res.statusCode}`)));
        });
        req.once('error', ({ message }) => fail(message));
        req.end('{"item":1}');
      }),
    );
  };
  let done = false;
  const finished = work().finally(() => {
    done = true;
  });
  const begin = performance.now();
  while (!done) {
    while (pending.length < ((performance.now() - begin) * perSecond) / 1000) order();
    await delay(5);
  }
  await finished;
  await Promise.all(pending);
  agent.destroy();
  return { sent: pending.length, failures };
}
