import http from 'node:http';
import { performance } from 'node:perf_hooks';
import { bucketPrefixes, slotOf } from '../../src/redis/slots.js';
import { cleanUp, until } from '../helpers/daemons.js';
import { itNeeds } from '../helpers/needs.js';
import { killAll } from '../helpers/program.js';
import { startCluster, startSentinels } from '../helpers/redis-cluster.js';
import { type Site, startSite } from '../helpers/redis-site.js';
import { get } from '../helpers/serve.js';

const it = itNeeds('redis-server');

afterEach(async () => {
  killAll();
  await cleanUp();
});

/** Redis as several servers, of which one that is in use can be killed. */
interface Topology {
  readonly env: NodeJS.ProcessEnv;
  killMaster(): Promise<void>;
}

const topologies: [name: string, start: () => Promise<Topology>][] = [
  [
    'Redis Cluster',
    async () => {
      const { nodes, masterOf } = await startCluster();
      // the master that publishes the messages, which is the worst one to lose
      const [first] = bucketPrefixes('express-productionize:');
      const master = await masterOf(slotOf(first));
      return { env: { CLUSTER: nodes.map(({ port }) => port).join() }, killMaster: () => master.kill() };
    },
  ],
  [
    'Redis Sentinel',
    async () => {
      const { nodes, sentinels } = await startSentinels();
      const killMaster = async () => nodes[0]?.kill();
      return { env: { SENTINELS: sentinels.map(({ port }) => port).join() }, killMaster };
    },
  ],
];

/** Requests pages that no store has, until it is stopped, and resolves with what went wrong. */
function load(
  site: Site,
  name: string,
): { stop(): Promise<{ requests: number; longestMs: number; failed: string[] }> } {
  const agent = new http.Agent({ keepAlive: true });
  const failed: string[] = [];
  let requests = 0;
  let longestMs = 0;
  let stopped = false;
  const client = async (): Promise<void> => {
    while (!stopped) {
      const startedAt = performance.now();
      requests += 1;
      await get(`${site.url}/made/${name}-${requests}`, { agent, headers: { host: 'site.test' } }).then(
        ({ status }) => status !== 200 && failed.push(`status ${status}`),
        (error) => failed.push(String(error)),
      );
      longestMs = Math.max(longestMs, performance.now() - startedAt);
    }
  };
  const clients = Promise.all([client(), client()]);
  return {
    async stop() {
      stopped = true;
      await clients;
      agent.destroy();
      return { requests, longestMs, failed };
    },
  };
}

const linesOf = ({ program }: Site, line: string) => program.err.filter((one) => one === line).length;

it.each(topologies)(
  '%s: a cold key is one call over 4 workers, a purge reaches all, and a killed master fails no request',
  async (name, start) => {
    const { env, killMaster } = await start();
    // a machine with other work to do is no slow Redis
    const cluster = await startSite('', { ...env, WORKERS: '4', TIMEOUT_MS: '2000' });
    const sites = await Promise.all([1, 2, 3].map(() => startSite('', env)));
    const [one, two] = sites as [Site, Site];

    const agent = new http.Agent({ keepAlive: true, maxSockets: 100 });
    const coldAt = performance.now();
    const answers = await Promise.all(
      Array.from({ length: 500 }, () => get(`${cluster.url}/made/cold?ms=500`, { agent })),
    );
    const coldMs = performance.now() - coldAt;
    agent.destroy();
    expect(new Set(answers.map(({ status, text }) => `${status} ${text}`)).size).toBe(1);
    expect(cluster.made('cold')).toBe(1);

    const purgeMs = await purgeEverywhere(sites, 'tagged');
    expect(purgeMs).toBeLessThan(1000);

    const loads = sites.map((site, at) => load(site, `load-${at}`));
    const killedAt = performance.now();
    await killMaster();
    await Promise.all(sites.map((site) => until(async () => linesOf(site, 'redis down') === 1)));
    await Promise.all(sites.map((site) => until(async () => linesOf(site, 'redis up') === 1)));
    const upMs = performance.now() - killedAt;
    const results = await Promise.all(loads.map((each) => each.stop()));
    expect(results.flatMap(({ failed }) => failed)).toEqual([]);

    expect(await two.text('/made/after')).toBe(await one.text('/made/after'));
    await until(async () => (await purgeEverywhere(sites, 'again')) < 1000);
    const requests = results.reduce((sum, result) => sum + result.requests, 0);
    const longestMs = Math.max(...results.map((result) => result.longestMs));
    process.stdout.write(
      `${name}: 500 requests for a cold key ${coldMs.toFixed(0)} ms with a handler of 500 ms, 1 call; ` +
        `a purge by tag in 3 processes ${purgeMs.toFixed(0)} ms; a master killed: 0 of ${requests} requests failed, ` +
        `the longest ${longestMs.toFixed(0)} ms, Redis used again after ${upMs.toFixed(0)} ms\n`,
    );
  },
);

/** Purges a page that all processes have, and returns after how many milliseconds none serves it. */
async function purgeEverywhere(sites: readonly Site[], name: string): Promise<number> {
  const [first] = sites as [Site];
  const before = await first.text(`/made/${name}`);
  for (const site of sites) {
    // twice: from Redis, and from the store in that process
    for (let n = 0; n < 2; n++) expect(await site.text(`/made/${name}`)).toBe(before);
  }
  const startedAt = performance.now();
  await get(`${first.url}/purge/${name}`, { method: 'POST', headers: { host: 'site.test' } });
  await Promise.all(sites.map((site) => until(async () => (await site.text(`/made/${name}`)) !== before)));
  return performance.now() - startedAt;
}
