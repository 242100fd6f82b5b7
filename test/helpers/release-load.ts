import { steadyLoad } from './load.js';
import { ordersWhile } from './orders.js';

/** The requests that fail while `work` is done: kept alive and on new connections, GET and POST. */
export async function lossesDuring(
  what: string,
  url: string,
  work: () => Promise<void>,
): Promise<readonly string[]> {
  const loads = [true, false].map((keepAlive) =>
    steadyLoad(`${url}/`, { keepAlive, clients: 2, pauseMs: 10, limitMs: 20_000 }),
  );
  await Promise.all(loads.map((load) => load.answered(10)));
  const posts = await ordersWhile(url, 30, work);
  const gets = await Promise.all(loads.map((load) => load.stop()));
  const [keptAlive, fresh] = gets.map(({ answered }) => answered);
  const failures = [...gets.flatMap((result) => result.failures), ...posts.failures];
  process.stdout.write(
    `${what}: ${keptAlive} GET kept alive, ${fresh} on new connections, ${posts.sent} POST; ${failures.length} failed\n`,
  );
  expect(posts.sent).toBeGreaterThan(5);
  return failures;
}
