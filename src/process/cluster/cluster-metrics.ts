import cluster, { type Worker } from 'node:cluster';
import { type MetricsServer, serveMetrics } from '../../support/metrics/admin-server.js';
import { mergeFamilies } from '../../support/metrics/merge.js';
import type { MetricFamily } from '../../support/metrics/metric-family.js';
import { isTotal } from '../../support/metrics/series.js';
import { KnownTotals, RetainedTotals, receivedFamilies } from '../../support/metrics/totals.js';
import type { PartLogger } from '../../support/part-logger.js';
import type { ClusterWorker } from './cluster-worker.js';
import type { Pool } from './pool.js';
import { asOurs, type WorkerMessage } from './worker-protocol.js';

/** Milliseconds for the metrics of a worker. A scrape takes little longer, also with workers that are stuck. */
const limitMs = 600;
/** Milliseconds for which a scrape receives what another one has collected. */
const sharedMs = 200;
/** The series of each metric that are retained of workers that have exited. */
const maxRetainedSeries = 5000;

/**
 * The metrics of all workers as one. The counts of a worker that does not respond are those that it sent last, and the
 * counts of workers that have exited are retained, so that no counter falls.
 */
export class ClusterMetrics {
  readonly #pool: Pool;
  readonly #log: PartLogger;
  readonly #known = new Map<number, KnownTotals>();
  readonly #retained = new RetainedTotals(maxRetainedSeries);
  #starts = 0;
  #collection: Promise<MetricFamily[]> | undefined;
  #server: MetricsServer | undefined;
  #address = '';

  constructor(pool: Pool, log: PartLogger) {
    this.#pool = pool;
    this.#log = log;
    cluster.on('fork', () => this.#starts++);
    cluster.on('message', (worker, message) => this.#receive(worker, message));
    // the last messages of a worker may arrive after its exit
    cluster.on('exit', (worker) => this.#retain(worker));
    cluster.on('disconnect', (worker) => this.#retain(worker));
  }

  /** Collects the metrics of all workers. Calls at the same time share one collection. */
  collect(): Promise<MetricFamily[]> {
    this.#collection ??= this.#collect().finally(() => {
      setTimeout(() => {
        this.#collection = undefined;
      }, sharedMs).unref();
    });
    return this.#collection;
  }

  async #collect(): Promise<MetricFamily[]> {
    const workers = [...this.#pool.workers].filter(({ state }) => state !== 'starting' && state !== 'dead');
    const gauges = new Map<number, readonly MetricFamily[]>();
    await Promise.all(
      workers.map(async (worker) => {
        const families = await this.#request(worker);
        if (families === undefined) return;
        this.#update(worker.handle, families);
        gauges.set(
          worker.id,
          families.filter((family) => !isTotal(family)),
        );
      }),
    );
    const byAge = [...this.#known].sort(([one], [two]) => one - two);
    return mergeFamilies([
      this.#retained.families,
      ...byAge.map(([id, known]) => [...known.families(), ...(gauges.get(id) ?? [])]),
      this.#own(workers.length, gauges.size),
    ]);
  }

  async #request(worker: ClusterWorker): Promise<readonly MetricFamily[] | undefined> {
    try {
      return receivedFamilies((await worker.request('metrics', undefined, limitMs)) as MetricFamily[]);
    } catch {
      return undefined;
    }
  }

  #own(running: number, scraped: number): MetricFamily[] {
    const { target, deaths } = this.#pool;
    return [
      gauge('target', 'The intended number of workers.', target),
      gauge('', 'Workers that run, without those that start.', running),
      gauge('scraped', 'Workers whose metrics arrived in time for this scrape.', scraped),
      counter('starts', 'Workers that were started.', this.#starts),
      counter('deaths', 'Workers that exited without a request.', deaths),
    ];
  }

  #receive(worker: Worker, message: unknown): void {
    const received = asOurs<WorkerMessage>(message);
    if (received?.productionize === 'totals') this.#update(worker, receivedFamilies(received.families));
    if (received?.productionize === 'metrics') {
      const { port, host } = received;
      const started = [...this.#pool.workers].find(({ handle }) => handle === worker)?.started;
      // a worker that does not become ready does not move the port
      void started?.then((ready) => ready && this.#serve(port, host));
    }
  }

  #update(worker: Worker, families: readonly MetricFamily[]): void {
    if (hasEnded(worker)) return;
    const known = this.#known.get(worker.id) ?? new KnownTotals();
    known.update(families);
    this.#known.set(worker.id, known);
  }

  #retain(worker: Worker): void {
    const known = this.#known.get(worker.id);
    if (known === undefined || !hasEnded(worker)) return;
    this.#known.delete(worker.id);
    this.#retained.add(worker.id, known.families());
  }

  #serve(port: number, host: string): void {
    const address = `${host}:${port}`;
    if (address === this.#address) return;
    this.#address = address;
    this.#server?.close();
    this.#server = serveMetrics({ port, host, collect: () => this.collect() });
    this.#log.info({ host, port }, `cluster: the metrics of all workers are served on ${address}/metrics`);
  }
}

function hasEnded(worker: Worker): boolean {
  return worker.isDead() && !worker.isConnected();
}

function gauge(suffix: string, help: string, value: number): MetricFamily {
  const name = `productionize_cluster_workers${suffix && `_${suffix}`}`;
  return { name, help, type: 'gauge', aggregation: 'sum', samples: [{ labels: {}, value }] };
}

function counter(what: string, help: string, value: number): MetricFamily {
  const name = `productionize_cluster_worker_${what}_total`;
  return { name, help, type: 'counter', aggregation: 'total', samples: [{ labels: {}, value }] };
}
