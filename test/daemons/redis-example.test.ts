import path from 'node:path';
import { cleanUp, until } from '../helpers/daemons.js';
import { itNeeds } from '../helpers/needs.js';
import { killAll, run } from '../helpers/program.js';
import { startRedis } from '../helpers/redis.js';
import { get } from '../helpers/serve.js';

const it = itNeeds('redis-server');

afterEach(async () => {
  killAll();
  await cleanUp();
});

async function start(redisUrl: string): Promise<string> {
  const file = path.join(__dirname, '../../examples/redis.js');
  const program = run(file, { env: { PORT: '0', REDIS_URL: redisUrl } });
  return /http:\S+/.exec(await program.line(/listening on http/))?.[0] as string;
}

it('two processes of the Redis example share responses, a purge and sessions', async () => {
  const redis = await startRedis();
  const [one, other] = [await start(redis.url), await start(redis.url)];
  // one site, whichever of its processes is asked
  const host = 'site.test';
  const product = async (url: string) => (await get(`${url}/products/7`, { headers: { host } })).text;

  // from when both are connected
  const made = await until(async () => {
    const [mine, theirs] = [await product(one), await product(other)];
    return mine === theirs && mine;
  });
  expect((await get(`${one}/products/7`, { method: 'POST', headers: { host } })).status).toBe(204);
  expect(await product(one)).not.toBe(made);

  const first = await get(`${one}/visits`, { headers: { host } });
  const cookie = first.headers['set-cookie']?.[0]?.split(';')[0] as string;
  const second = await get(`${other}/visits`, { headers: { host, cookie } });
  expect([first.text, second.text]).toEqual(['{"visits":1}', '{"visits":2}']);
});
