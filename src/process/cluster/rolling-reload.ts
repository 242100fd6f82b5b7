import type { PartLogger } from '../../support/part-logger.js';
import { fieldsOf, fieldsOfDeath, lastErrorOf } from './cluster-log.js';
import type { ClusterWorker } from './cluster-worker.js';
import type { Pool } from './pool.js';

/** The result of a reload. */
export interface ReloadResult {
  /** The number of workers that were replaced. */
  readonly replaced: number;
}

/**
 * Replaces the workers of a pool one by one: a new worker is ready before an old one drains. When a new worker does not
 * become ready, the reload fails, and the remaining old workers continue to serve. All reloads that are requested
 * during a reload share the next one.
 */
export class Reloader {
  readonly #pool: Pool;
  readonly #log: PartLogger;
  #running: Promise<ReloadResult> | undefined;
  #queued: Promise<ReloadResult> | undefined;

  constructor(pool: Pool, log: PartLogger) {
    this.#pool = pool;
    this.#log = log;
  }

  get reloading(): boolean {
    return this.#running !== undefined;
  }

  /** @param startMs milliseconds until each new worker must be ready, instead of those of the pool */
  reload(startMs?: number): Promise<ReloadResult> {
    if (this.#running === undefined) return this.#run(() => this.#reload(startMs));
    const next = (): Promise<ReloadResult> => {
      this.#queued = undefined;
      return this.reload(startMs);
    };
    // the code may have changed since the running reload began
    this.#queued ??= this.#running.then(next, next);
    return this.#queued;
  }

  /**
   * Replaces one worker and logs the result. The new worker is ready before the old one drains, or starts afterwards with
   * `drainFirst`. The old one has `extraMs` more than the time of its drain. Reloads wait for it. Resolves with false
   * when the new worker did not become ready.
   */
  async replace(worker: ClusterWorker, { drainFirst = false, extraMs = 0 } = {}): Promise<boolean> {
    const pool = this.#pool;
    const { replaced } = await this.#run(async () => {
      let isReplaced = true;
      await pool.exchange(async () => {
        const death = drainFirst ? undefined : await pool.trial();
        if (death !== undefined) {
          isReplaced = false;
          this.#log.error(
            { ...fieldsOf(worker), ...fieldsOfDeath(death) },
            `worker ${worker.id} was not replaced: a new worker did not become ready (${lastErrorOf(death)})`,
          );
        } else if (!pool.stopping) await pool.drain(worker, extraMs);
      });
      return { replaced: isReplaced ? 1 : 0 };
    });
    return replaced > 0;
  }

  #run(work: () => Promise<ReloadResult>): Promise<ReloadResult> {
    this.#running = work().finally(() => {
      this.#running = undefined;
    });
    return this.#running;
  }

  async #reload(startMs?: number): Promise<ReloadResult> {
    const pool = this.#pool;
    const old = pool.members();
    this.#log.info({ workers: old.length }, 'reload: starting');
    let replaced = 0;
    await pool.exchange(async () => {
      // workers may be missing because the old code could not start; the reload starts them with the new code
      for (let n = 0; n < Math.max(old.length, pool.target); n++) {
        const worker = old[n];
        if (worker && worker.state !== 'ready' && worker.state !== 'starting') continue;
        const death = pool.stopping ? undefined : await pool.trial(startMs);
        if (pool.stopping) throw new Error('reload: stopped, because the cluster is stopping');
        if (death !== undefined) {
          const message = `reload failed, ${old.length - replaced} of ${old.length} workers were not replaced: a new worker did not become ready (${lastErrorOf(death)})`;
          this.#log.error({ ...fieldsOfDeath(death), replaced }, message);
          throw new Error(message);
        }
        if (worker) await pool.drain(worker);
        replaced++;
      }
    });
    this.#log.info({ replaced }, 'reload: done');
    return { replaced };
  }
}
