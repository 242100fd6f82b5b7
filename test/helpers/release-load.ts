import { steadyLoad } from './load.js';
import { ordersWhile } from './orders.js';

/** The requests that fail while `work` is done: GET and POST, kept alive unless `keepAlive` is false, and on new connections. */
export async function lossesDuring(
  what: string,
  url: string,
  work: () => Promise<void>,
  { keepAlive: isKept = true } = {},
): Promise<readonly string[]> {
  const loads = [isKept, false].map((keepAlive) =>
    steadyLoad(`${url}/`, { keepAlive, clients: 2, pauseMs: 10, limitMs: 20_000 }),
  );
  await Promise.all(loads.map((load) => load.answered(10)));
  const posts = await ordersWhile(url, 30, work, isKept);
  const gets = await Promise.all(loads.map((load) => load.stop()));
  const [first, fresh] = gets.map(({ answered }) => answered);
  const failures = [...gets.flatMap((result) => result.failures), ...posts.failures];
  process.stdout.write(
    `${what}: ${first} GET ${isKept ? 'kept alive' : 'on others'}, ${fresh} on new connections, ${posts.sent} POST; ${failures.length} failed\n`,
  );
  expect(posts.sent).toBeGreaterThan(5);
  return failures;
}
