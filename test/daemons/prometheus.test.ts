import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { deploymentFiles } from '../../src/deploy/index.js';
import { sections } from '../../src/deploy/observability/queries.js';
import { type ClusterProgram, ready, removeFolders, runFixture } from '../helpers/clusters.js';
import { afterwards, cleanUp, execFile, folder, freePort, until } from '../helpers/daemons.js';
import { plainFacts } from '../helpers/facts.js';
import { steadyLoad } from '../helpers/load.js';
import { describeNeeds } from '../helpers/needs.js';
import { killAll } from '../helpers/program.js';
import { type Prometheus, startPrometheus } from '../helpers/prometheus.js';
import { get } from '../helpers/serve.js';

afterAll(async () => {
  killAll();
  removeFolders();
  await cleanUp();
});

const counted = 'sum(http_server_request_duration_seconds_count{http_response_status_code="200"})';

describeNeeds('prometheus', 'promtool')('Prometheus', () => {
  let cluster: ClusterProgram;
  let prometheus: Prometheus;
  let url: string;
  let answered = 0;
  const pids = new Set<number>();

  beforeAll(async () => {
    const port = await freePort();
    const app = { metrics: { port }, requestLogger: false };
    cluster = runFixture({ workers: 4, stuckMs: 0 }, { app });
    await ready(cluster, 4);
    url = await cluster.url();
    prometheus = await startPrometheus(port);
    afterwards(() => prometheus.end());
  });

  /** A process that responds, which is none of those before. */
  const responding = async (): Promise<number> =>
    until(async () => {
      const { text } = await get(url);
      answered++;
      const { pid } = JSON.parse(text);
      return !pids.has(pid) && pids.add(pid) && pid;
    });

  /** Sends requests while `work` is done, and resolves when Prometheus has seen each of them. */
  const underLoad = async (work: () => Promise<void>): Promise<void> => {
    const loads = [true, false].map((keepAlive) => steadyLoad(url, { keepAlive, clients: 6, pauseMs: 40 }));
    await Promise.all(loads.map((load) => load.answered(50)));
    await work();
    for (const load of loads) {
      const { answered: more, failures } = await load.stop();
      expect(failures).toEqual([]);
      answered += more;
    }
    await until(async () => ((await prometheus.value(counted)) ?? 0) >= answered);
    expect(await prometheus.value(counted)).toBe(answered);
  };

  /** Resolves when a scrape within a second, the limit of this Prometheus, has found 3 of 4 workers. */
  const oneDoesNotRespond = async (): Promise<void> => {
    const three = 'productionize_cluster_workers_scraped == 3 and on() productionize_cluster_workers == 4';
    const seconds = await until(() => prometheus.value(`scrape_duration_seconds and on() (${three})`));
    expect(seconds).toBeLessThan(1);
  };

  it('sees every request of four workers', async () => {
    await underLoad(async () => {});
  });

  it('sees 3 of 4 within a second while a worker is stuck under load, and every request when it runs again', async () => {
    const pid = await responding();
    await underLoad(async () => {
      process.kill(pid, 'SIGSTOP');
      await oneDoesNotRespond();
      process.kill(pid, 'SIGCONT');
    });
  });

  it('sees no request less when a worker is killed while it is stuck, and when one is killed', async () => {
    for (const stuck of [true, false]) {
      const pid = await responding();
      await until(async () => (await prometheus.value(counted)) === answered);
      if (stuck) process.kill(pid, 'SIGSTOP');
      if (stuck) await oneDoesNotRespond();
      process.kill(pid, 'SIGKILL');
      await ready(cluster, stuck ? 5 : 6);
      await underLoad(async () => {});
    }
  });

  it('sees every request when all workers are replaced under load, and when one has an uncaught error', async () => {
    await underLoad(async () => {
      cluster.child.kill('SIGHUP');
      await cluster.logged(/^reload: done/);
    });
    expect((await get(`${url}/die`)).status).toBe(500);
    await cluster.logged(/died: exit code 1/);
    await underLoad(async () => {});
  });

  it('has seen no counter fall', async () => {
    const [counters, histograms] = [await prometheus.names('counter'), await prometheus.names('histogram')];
    // the names of OpenMetrics, without the suffixes of their series
    expect([...histograms, ...counters]).toEqual(
      expect.arrayContaining([
        'http_server_request_duration_seconds',
        'http_server_response_body_size_bytes',
        'nodejs_gc_duration_seconds',
        'process_cpu_seconds',
        'productionize_cluster_worker_deaths',
      ]),
    );
    const series = [
      ...counters.map((name) => `${name}_total`),
      ...histograms.flatMap((name) => [`${name}_bucket`, `${name}_sum`, `${name}_count`]),
    ];
    for (const name of series) {
      expect([name, await prometheus.query(`resets(${name}[15m]) > 0`)]).toEqual([name, []]);
    }
  });

  const dashboard = sections.flatMap(({ panels }) =>
    panels.flatMap(({ title, queries }) => queries.map(({ expr }) => [title, expr] as const)),
  );

  it.each(dashboard)('the panel %s of the dashboard has a result', async (_title, expr) => {
    const filled = expr
      .replaceAll('$job', 'web')
      .replaceAll('$instance', '.*')
      .replaceAll('$__rate_interval', '5m');
    expect(filled).not.toContain('$');
    expect(await prometheus.query(filled)).not.toEqual([]);
  });

  it('each rule has a result without its threshold', async () => {
    const { files } = deploymentFiles('prometheus', { ...plainFacts, memoryBytes: 2 ** 30 }, {});
    const rules = [...(files[1]?.text ?? '').matchAll(/expr: (".*")/g)].map(([, text]) =>
      JSON.parse(text as string),
    );
    expect(rules).toHaveLength(9);
    for (const rule of rules) {
      const measured = rule.replace(/ (?:[<>]|==) \S+$/, '');
      expect(measured).not.toBe(rule);
      expect([measured, await prometheus.query(measured)]).not.toEqual([measured, []]);
    }
  });

  it.each([
    'process_cpu_user_seconds_total',
    'process_cpu_system_seconds_total',
    'process_resident_memory_bytes',
    'process_start_time_seconds',
    'process_open_fds',
    'nodejs_eventloop_lag_seconds',
    'nodejs_eventloop_lag_p50_seconds',
    'nodejs_eventloop_lag_p90_seconds',
    'nodejs_eventloop_lag_p99_seconds',
    'nodejs_active_handles_total',
    'nodejs_active_handles{type="Socket"}',
    'nodejs_active_requests_total',
    'nodejs_active_resources_total',
    'nodejs_heap_size_total_bytes',
    'nodejs_heap_size_used_bytes',
    'nodejs_external_memory_bytes',
    'nodejs_heap_space_size_total_bytes{space="old"}',
    'nodejs_heap_space_size_used_bytes{space="new"}',
    'nodejs_heap_space_size_available_bytes{space="old"}',
    'sum(rate(nodejs_gc_duration_seconds_count{kind="minor"}[2m]))',
    'nodejs_version_info{version=~"v.+"}',
  ])('the query %s of a dashboard for prom-client has a result', async (query) => {
    expect(await prometheus.query(query)).not.toEqual([]);
  });
});

describeNeeds('prometheus', 'promtool')('promtool', () => {
  it('accepts the configuration and the rules of an app with all limits, and refuses a broken rule', async () => {
    const dir = folder();
    const facts = { ...plainFacts, responseTimeoutMs: 30_000, memoryBytes: 2 ** 29 };
    const { files } = deploymentFiles('prometheus', facts, { scrape: ['10.0.0.1:9464', '[::1]:9464'] });
    for (const { name, text } of files) writeFileSync(path.join(dir, name), text);
    const check = () => execFile('promtool', ['check', 'config', path.join(dir, 'prometheus.yml')]);
    expect((await check()).stdout).toContain('9 rules found');
    const [, rules] = files;
    writeFileSync(path.join(dir, rules?.name ?? ''), rules?.text.replaceAll('[5m]', '[5 minutes]') ?? '');
    await expect(check()).rejects.toThrow();
  });
});
