import { debugFor } from '../../support/debug.js';
import type { PartLogger } from '../../support/part-logger.js';
import { findOrchestrator } from '../orchestrator/index.js';
import { Backoff } from './backoff.js';
import { causeOf, fieldsOf, fieldsOfDeath, lastErrorOf } from './cluster-log.js';
import { ClusterWorker, type Death, type WorkerEvents } from './cluster-worker.js';
import { saveConnectionsInTransit } from './connections-in-transit.js';
import { forkWorker } from './single-executable.js';
import { killStuckWorkers } from './stuck-workers.js';
import { redirectUntilReady } from './unready-workers.js';

const debug = debugFor('cluster');

/** Milliseconds for the exit of a worker, after its own shutdown. */
const exitMs = 1000;

/** The settings of a pool. Times are in milliseconds. */
export interface PoolSettings {
  readonly target: number;
  /** @default the time of the worker's own shutdown, or the grace period of the process manager if that is longer */
  readonly drainMs?: number;
  readonly startMs: number;
  readonly stuckMs: number;
  readonly maxFailedStarts: number;
  readonly log: PartLogger;
  readonly environment: Record<string, string>;
  /** Called when no worker can be started and the cluster has failed. */
  onGiveUp(reason: string, lastError: string): void;
  onRisk(risk: string): void;
  onReady(): void;
  readonly traffic?: Traffic;
}

/** Callbacks with the workers that may receive connections, where Node does not distribute connections itself. */
export interface Traffic {
  onForked(worker: ClusterWorker): void;
  onServing(worker: ClusterWorker): void;
  onLeaving(worker: ClusterWorker): void;
}

/**
 * Maintains the target number of workers and replaces a worker that dies. The wait before a replacement grows while
 * workers die soon after their start. The pool gives up when no worker can be started.
 */
export class Pool implements WorkerEvents {
  readonly workers = new Set<ClusterWorker>();
  deaths = 0;
  lastDeath: Death | undefined;

  readonly #settings: PoolSettings;
  readonly #backoff = new Backoff();
  readonly #waiting = new Set<NodeJS.Timeout>();
  /** Workers that a reload started. They become members when they are ready. */
  readonly #candidates = new Set<ClusterWorker>();
  /** Dying workers that do not exit before a replacement is ready. */
  readonly #unreplaced = new Set<ClusterWorker>();
  readonly #stopWatching: () => void;
  readonly #graceMs = findOrchestrator().graceMs;
  #target: number;
  #failedStarts = 0;
  #wasEverReady = false;
  #stopping = false;
  /** True during a reload, which runs one worker more than the target. */
  #exchanging = false;

  constructor(settings: PoolSettings) {
    this.#settings = settings;
    this.#target = settings.target;
    this.#stopWatching = killStuckWorkers(this.workers, settings.stuckMs);
  }

  get target(): number {
    return this.#target;
  }

  get stopping(): boolean {
    return this.#stopping;
  }

  /** Workers that serve or start, without those that exit and those that a reload started. */
  members(): ClusterWorker[] {
    return [...this.workers].filter(
      (worker) => (worker.state === 'starting' || worker.state === 'ready') && !this.#candidates.has(worker),
    );
  }

  /** The longest time limit for the drain of a worker, in milliseconds. */
  get drainMs(): number {
    return Math.max(0, ...[...this.workers].map((worker) => this.#drainMs(worker)));
  }

  get ready(): number {
    return this.members().filter(({ state }) => state === 'ready').length;
  }

  /** Starts or drains workers until their number is the target. */
  settle(): void {
    if (this.#stopping) return;
    const members = this.members();
    for (let n = members.length + this.#waiting.size; n < this.#target; n++) this.#fork();
    if (this.#exchanging) return;
    for (const surplus of members.slice(this.#target)) void this.drain(surplus);
  }

  /** Changes the number of workers. Surplus workers drain, the youngest first. */
  scale(target: number): void {
    this.#target = target;
    while (this.#waiting.size > 0 && this.members().length + this.#waiting.size > target) this.#forget();
    this.settle();
  }

  /** Starts one worker of a reload. Resolves with its death, or with `undefined` once it is ready and a member. */
  async trial(startMs?: number): Promise<Death | undefined> {
    const candidate = this.#fork(true, startMs);
    const ready = await candidate.started;
    this.#candidates.delete(candidate);
    return ready ? undefined : await candidate.gone;
  }

  /** Allows more workers than the target while `work` runs. Pending waits after failures are cancelled. */
  async exchange(work: () => Promise<void>): Promise<void> {
    this.#exchanging = true;
    this.#backoff.reset();
    while (this.#waiting.size > 0) this.#forget();
    try {
      await work();
    } finally {
      this.#exchanging = false;
      this.settle();
    }
  }

  /** Drains one worker, which has `extraMs` more than the time of its drain. */
  drain(worker: ClusterWorker, extraMs = 0): Promise<Death> {
    this.#settings.traffic?.onLeaving(worker);
    return worker.drain(this.#drainMs(worker) + extraMs);
  }

  /** Drains all workers. Resolves with true when each worker exited on its own in time. */
  async stop(): Promise<boolean> {
    this.#close();
    for (const worker of this.#unreplaced) worker.release();
    const deaths = await Promise.all([...this.workers].map((worker) => worker.drain(this.#drainMs(worker))));
    return deaths.every(({ killed, signal, code }) => !killed && (code === 0 || isStopSignal(signal)));
  }

  kill(reason: string): void {
    this.#close();
    for (const worker of this.workers) worker.kill(reason);
  }

  onReady(worker: ClusterWorker): void {
    this.#failedStarts = 0;
    this.#wasEverReady = true;
    this.#settings.traffic?.onServing(worker);
    this.#settings.log.info(
      { ...fieldsOf(worker), startedInMs: Math.round(worker.uptimeMs) },
      `worker ${worker.id} is ready`,
    );
    const [longest] = this.#unreplaced;
    if (longest !== undefined) {
      this.#unreplaced.delete(longest);
      longest.release();
    }
    this.#settings.onReady();
  }

  onDying(worker: ClusterWorker): void {
    const { log, traffic } = this.#settings;
    traffic?.onLeaving(worker);
    if (worker.wasReady) {
      log.warn(
        fieldsOf(worker),
        `worker ${worker.id} finishes its requests after an uncaught error; its replacement starts`,
      );
      this.#unreplaced.add(worker);
    } else worker.release();
    // the time limit of the drain starts here, as for a requested exit
    setTimeout(() => worker.kill('it did not exit after its error'), this.#drainMs(worker)).unref();
    // a worker that was never ready is a failed start, which is counted when its process exits
    if (worker.wasReady) this.#replaceAfter(worker.uptimeMs);
  }

  onRisk(risk: string): void {
    this.#settings.onRisk(risk);
  }

  onDeath(worker: ClusterWorker, death: Death): void {
    this.workers.delete(worker);
    this.#unreplaced.delete(worker);
    const { log } = this.#settings;
    const fields = { ...fieldsOf(worker), ...fieldsOfDeath(death) };
    if (worker.state === 'draining') {
      if (death.killed) log.error(fields, `worker ${worker.id} did not drain: ${causeOf(death)}`);
      else log.info(fields, `worker ${worker.id} exited: ${causeOf(death)}`);
      return;
    }
    this.deaths++;
    this.lastDeath = death;
    log.error(fields, `worker ${worker.id} died: ${causeOf(death)}`);
    // a dying worker was replaced when it reported its error; a reload handles the workers that it started
    if ((worker.state === 'dying' && death.wasReady) || this.#candidates.has(worker) || this.#stopping)
      return;
    if (!death.wasReady && this.#isHopeless(death)) return;
    this.#replaceAfter(death.uptimeMs);
  }

  /** Counts a failed start. Gives up and returns true at the limit, or when another start must fail in the same way. */
  #isHopeless(death: Death): boolean {
    const { maxFailedStarts, onGiveUp } = this.#settings;
    this.#failedStarts++;
    if (this.ready > 0) return false;
    if (death.permanent && !this.#wasEverReady) {
      onGiveUp('the app cannot start', lastErrorOf(death));
      return true;
    }
    if (this.#failedStarts < maxFailedStarts) return false;
    onGiveUp(`${maxFailedStarts} starts in a row failed`, lastErrorOf(death));
    return true;
  }

  #drainMs({ shutdown }: ClusterWorker): number {
    const own = (shutdown?.drainMs ?? 0) + exitMs;
    return this.#settings.drainMs ?? Math.max(own, this.#graceMs);
  }

  #fork(onTrial = false, startMs = this.#settings.startMs): ClusterWorker {
    const { environment } = this.#settings;
    const worker = new ClusterWorker(forkWorker(environment), this);
    saveConnectionsInTransit(worker.handle, () => this.ready > 0);
    redirectUntilReady(worker, () => this.members().filter(({ state }) => state === 'ready'));
    this.workers.add(worker);
    this.#settings.traffic?.onForked(worker);
    if (onTrial) this.#candidates.add(worker);
    const limit = setTimeout(() => {
      if (worker.debugged) return;
      const missing = worker.addresses.length > 0 ? 'it was not ready' : 'it started no server';
      worker.kill(`${missing} within ${startMs} ms`);
    }, startMs);
    void worker.started.then(() => clearTimeout(limit));
    return worker;
  }

  #replaceAfter(uptimeMs: number): void {
    const waitMs = this.#backoff.afterDeath(uptimeMs);
    if (waitMs === 0) {
      this.settle();
      return;
    }
    debug(() => ['the next worker starts in %d ms', waitMs]);
    const timer = setTimeout(() => {
      this.#waiting.delete(timer);
      this.settle();
    }, waitMs);
    this.#waiting.add(timer);
  }

  #forget(): void {
    const [timer] = this.#waiting;
    clearTimeout(timer);
    this.#waiting.delete(timer as NodeJS.Timeout);
  }

  #close(): void {
    this.#stopping = true;
    this.#stopWatching();
    while (this.#waiting.size > 0) this.#forget();
  }
}

/** Whether a stop signal ended the worker: one for the whole process group ends a worker without gracefulShutdown. */
function isStopSignal(signal: NodeJS.Signals | null): boolean {
  return signal === 'SIGTERM' || signal === 'SIGINT';
}
