import http from 'node:http';
import { performance } from 'node:perf_hooks';
import { cleanUp, failures, printCounts, until } from '../helpers/daemons.js';
import { expressNames } from '../helpers/express-names.js';
import { steadyLoad } from '../helpers/load.js';
import { itNeeds } from '../helpers/needs.js';
import { killAll, type Program, run } from '../helpers/program.js';
import { startProxy, startRedis } from '../helpers/redis.js';
import { type Site, startSite } from '../helpers/redis-site.js';
import { get } from '../helpers/serve.js';

const it = itNeeds('redis-server');

afterEach(async () => {
  killAll();
  await cleanUp();
});

it.each(expressNames)(
  '%s: 1,000 concurrent requests for a cold key over 4 workers are one call of the handler',
  async (express) => {
    const redis = await startRedis();
    // a machine with other work to do is no slow Redis
    const site = await startSite(redis.url, { EXPRESS: express, WORKERS: '4', TIMEOUT_MS: '2000' });
    await until(async () => (await redis.cli.clientList()).length === 1 + 4 * 2);
    const agent = new http.Agent({ keepAlive: true, maxSockets: 200 });
    const startedAt = performance.now();
    const answers = await Promise.all(
      Array.from({ length: 1000 }, () => get(`${site.url}/made/cold?ms=500`, { agent })),
    );
    const tookMs = performance.now() - startedAt;
    agent.destroy();
    expect(new Set(answers.map(({ status, text }) => `${status} ${text}`)).size).toBe(1);
    expect(answers[0]?.status).toBe(200);
    expect(site.made('cold')).toBe(1);
    process.stdout.write(
      `1,000 requests for a cold key over 4 workers: 1 call, ${tookMs.toFixed(0)} ms with a handler of 500 ms\n`,
    );
  },
);

it.each(expressNames)('%s: a purge by tag reaches 4 processes within 1 s', async (express) => {
  const redis = await startRedis();
  const sites = await Promise.all(
    Array.from({ length: 4 }, () => startSite(redis.url, { EXPRESS: express })),
  );
  const [first, ...others] = sites as [Site, ...Site[]];
  const before = await first.text('/made/tagged');
  for (const site of sites) {
    // twice: from Redis, and from the store in that process
    for (let n = 0; n < 2; n++) expect(await site.text('/made/tagged')).toBe(before);
  }
  const startedAt = performance.now();
  const purged = await get(`${first.url}/purge/tagged`, { method: 'POST', headers: { host: 'site.test' } });
  expect(JSON.parse(purged.text)).toEqual({ reach: 'all' });
  await Promise.all(sites.map((site) => until(async () => (await site.text('/made/tagged')) !== before)));
  const tookMs = performance.now() - startedAt;
  expect(tookMs).toBeLessThan(1000);
  // and all have the same one again
  const after = new Set(await Promise.all(sites.map((site) => site.text('/made/tagged'))));
  expect(after.size).toBe(1);
  expect(sites.reduce((sum, site) => sum + site.made('tagged'), 0)).toBe(2);
  expect(others.length).toBe(3);
  process.stdout.write(`a purge by tag reached 4 processes in ${tookMs.toFixed(0)} ms\n`);
});

it.each(expressNames)(
  '%s: Redis killed and restarted under load fails no request, and entries are shared again after',
  async (express) => {
    const redis = await startRedis();
    const sites = await Promise.all([1, 2].map(() => startSite(redis.url, { EXPRESS: express })));
    const [one, other] = sites as [Site, Site];
    const loads = sites.map((site) =>
      steadyLoad(`${site.url}/made/loaded`, { keepAlive: true, clients: 4, pauseMs: 2, limitMs: 5000 }),
    );
    const more = () => Promise.all(loads.map((load) => load.answered(100)));
    await more();
    for (let round = 1; round <= 2; round++) {
      await redis.kill();
      await Promise.all(
        sites.map(({ program }) => until(async () => count(program, 'redis down') === round)),
      );
      await more();
      await redis.start();
      await Promise.all(sites.map(({ program }) => until(async () => count(program, 'redis up') === round)));
      await more();
    }
    const [first, second] = await Promise.all(loads.map((load) => load.stop()));
    const results = { one: first as NonNullable<typeof first>, other: second as NonNullable<typeof second> };
    printCounts('Redis killed and restarted twice under load', results);
    expect(failures(results)).toEqual([]);

    const shared = await one.text('/made/after');
    expect(await other.text('/made/after')).toBe(shared);
    expect(one.made('after') + other.made('after')).toBe(1);
    for (const { program } of sites) {
      expect(program.err.filter((line) => line.startsWith('redis'))).toEqual([
        'redis down',
        'redis up',
        'redis down',
        'redis up',
      ]);
      expect(program.err.filter((line) => /Error|Warning/.test(line))).toEqual([]);
    }
  },
);

it('responses are sent in time from an app whose Redis does not reply', async () => {
  const redis = await startRedis();
  const longestOf50 = async () => {
    const proxy = await startProxy(redis.port);
    const site = await startSite(proxy.url);
    await site.text('/made/before');
    proxy.blackhole();
    let longest = 0;
    for (let n = 0; n < 50; n++) {
      const startedAt = performance.now();
      await site.text(`/made/silent-${n}`);
      longest = Math.max(longest, performance.now() - startedAt);
    }
    expect(site.program.err.filter((line) => line.startsWith('redis')).length).toBeLessThanOrEqual(1);
    return longest;
  };
  // a machine with other work adds to it, and never takes away
  let longest = await longestOf50();
  for (let run = 1; run < 3 && longest >= 50 + 60; run++) longest = Math.min(longest, await longestOf50());
  process.stdout.write(`a miss while Redis says nothing: ${longest.toFixed(0)} ms at most\n`);
  expect(longest).toBeLessThan(50 + 60);
});

it('a process with a store ends by itself, with Redis and without', async () => {
  const redis = await startRedis();
  const ends = async () => {
    const program = run('redis-script.mjs', { env: { REDIS_URL: redis.url } });
    const { code } = await program.exit();
    return { code, out: program.out, err: program.err.filter((line) => !line.startsWith('(Use `node')) };
  };
  expect(await ends()).toEqual({ code: 0, out: ['ready true', 'purged all'], err: [] });
  await redis.kill();
  expect(await ends()).toEqual({
    code: 0,
    out: ['ready false', 'purged process'],
    err: [expect.stringMatching(/ERR_PRODUCTIONIZE_REDIS.*Redis is not used \(no connection/)],
  });
});

function count(program: Program, line: string): number {
  return program.err.filter((one) => one === line).length;
}
