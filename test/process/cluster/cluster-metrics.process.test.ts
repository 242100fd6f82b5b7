import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { cli } from '../../helpers/cli.js';
import { type ClusterProgram, folder, ready, removeFolders, runCluster } from '../../helpers/clusters.js';
import { freePort, until } from '../../helpers/daemons.js';
import { killAll } from '../../helpers/program.js';
import { get } from '../../helpers/serve.js';

afterEach(() => {
  killAll();
  removeFolders();
});

async function start() {
  const dir = folder();
  const file = path.join(dir, 'version');
  const version = (port: number, bounds: number[]) => writeFileSync(file, JSON.stringify({ port, bounds }));
  const port = await freePort();
  version(port, [0.1, 1]);
  const cluster = runCluster('counted.mjs', {
    env: { EXPRESS_PRODUCTIONIZE_RUNTIME_DIR: dir, VERSION: file },
  });
  await ready(cluster, 2);
  const url = await cluster.url();
  await cluster.logged(/the metrics of all workers are served/);
  /** The process ids of workers that have responded to that many requests. */
  const send = async (requests: number) => {
    const pids = new Set<number>();
    for (let n = 0; n < requests; n++) pids.add(Number((await get(url)).text));
    return [...pids];
  };
  return { cluster, dir, port, url, version, send };
}

async function scrape(port: number): Promise<Record<string, number>> {
  const { text } = await get(`http://127.0.0.1:${port}/metrics`);
  const lines = text.split('\n').filter((line) => line && !line.startsWith('#'));
  return Object.fromEntries(lines.map((line) => [line.replace(/ \S+$/, ''), Number(/\S+$/.exec(line)?.[0])]));
}

/** Resolves when that worker has sent its counts without a scrape. */
async function reported(cluster: ClusterProgram, pid: number | undefined): Promise<void> {
  const { length } = cluster.err;
  await until(async () => cluster.err.slice(length).some((line) => line.startsWith(`${pid} reports`)));
}

describe('the metrics of a cluster', () => {
  it('are those of all workers, and count what a stuck worker and one that was killed have counted', async () => {
    const { cluster, port, send } = await start();
    const [stuck] = await send(20);
    expect(await scrape(port)).toMatchObject({
      requests_total: 20,
      'seconds_bucket{le="0.1"}': 20,
      seconds_count: 20,
      up: 2,
      productionize_cluster_workers: 2,
      productionize_cluster_workers_scraped: 2,
      productionize_cluster_workers_target: 2,
      productionize_cluster_worker_starts_total: 2,
      productionize_cluster_worker_deaths_total: 0,
    });
    await send(4);
    await reported(cluster, stuck);
    process.kill(stuck as number, 'SIGSTOP');
    const withOne = await until(async () => {
      const seen = await scrape(port);
      return seen.productionize_cluster_workers_scraped === 1 && seen;
    });
    expect(withOne).toMatchObject({
      requests_total: 24,
      seconds_count: 24,
      up: 1,
      productionize_cluster_workers: 2,
    });
    process.kill(stuck as number, 'SIGKILL');
    await ready(cluster, 3);
    expect(
      await until(async () => {
        const seen = await scrape(port);
        return seen.up === 2 && seen;
      }),
    ).toMatchObject({ requests_total: 24, seconds_count: 24, productionize_cluster_worker_deaths_total: 1 });
  });

  it('count each request of workers that exit, drain and are replaced by a version with other bounds', async () => {
    const { cluster, dir, port, url, send, version } = await start();
    await send(10);
    expect((await get(`${url}/exit`)).text).toBe('exits');
    await ready(cluster, 3);
    await send(10);
    version(port, [0.1, 0.5]);
    const env = { EXPRESS_PRODUCTIONIZE_RUNTIME_DIR: dir };
    expect(await cli(['reload'], env)).toMatchObject({ code: 0 });
    await until(async () => (await scrape(port)).up === 2);
    expect(await scrape(port)).toMatchObject({
      requests_total: 21,
      'seconds_bucket{le="0.1"}': 21,
      'seconds_bucket{le="0.5"}': 21,
      'seconds_bucket{le="+Inf"}': 21,
    });
    expect(await scrape(port)).not.toHaveProperty('seconds_bucket{le="1"}');
    const printed = await cli(['metrics'], env);
    expect(printed).toMatchObject({ code: 0, err: '' });
    expect(printed.out).toMatch(/^# TYPE requests_total counter\nrequests_total 21$/m);
  });

  it('are collected once for scrapes at the same time', async () => {
    const { port } = await start();
    await Promise.all(Array.from({ length: 30 }, () => scrape(port)));
    const seen = await until(async () => {
      const now = await scrape(port);
      return (now.collections_total ?? 0) > 2 && now;
    });
    expect(seen.collections_total).toBeLessThan(40);
  });

  it('move to the port of a new version, and stay where a new version does not start', async () => {
    const { cluster, dir, port, version } = await start();
    const env = { EXPRESS_PRODUCTIONIZE_RUNTIME_DIR: dir };
    const next = await freePort();
    version(next, [0.1, 1]);
    expect(await cli(['reload'], env)).toMatchObject({ code: 0 });
    await cluster.times(/the metrics of all workers are served/, 2);
    await until(async () => (await scrape(next)).up === 2);
    await expect(get(`http://127.0.0.1:${port}/metrics`)).rejects.toThrow('ECONNREFUSED');
    writeFileSync(path.join(dir, 'version'), 'broken');
    expect(await cli(['reload'], env)).toMatchObject({ code: 1 });
    const seen = await scrape(next);
    expect(seen.up).toBe(2);
    expect(seen).not.toHaveProperty('unknown');
  });
});
