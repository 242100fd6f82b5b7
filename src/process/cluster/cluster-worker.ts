import cluster, { type Worker } from 'node:cluster';
import {
  asOurs,
  drainMessage,
  type PrimaryMessage,
  readyMessage,
  type WorkerMessage,
  type WorkerMetrics,
  type WorkerShutdown,
} from './worker-protocol.js';

/** `dying`: the worker finishes its requests after an uncaught error. `draining`: the primary requested its exit. */
export type WorkerState = 'starting' | 'ready' | 'dying' | 'draining' | 'dead';

/** An address on which a worker listens. */
export interface ListenAddress {
  /** The host that the app passed to `listen`; `null` for all addresses. */
  readonly host: string | null;
  /** The bound port; -1 for a Unix socket, whose path is `host`. */
  readonly port: number;
}

type ResultMessage = Extract<WorkerMessage, { productionize: 'result' }>;

export interface Death {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly uptimeMs: number;
  /** False when the worker died during its start. */
  readonly wasReady: boolean;
  /** The reason for which the primary killed the worker, if it did. */
  readonly killed: string | undefined;
  /** The error that ended the worker, if it reported one. */
  readonly error: string | undefined;
  /** Whether another start of the same script fails in the same way. */
  readonly permanent: boolean;
  /** Whether a server listened in the worker. */
  readonly listened: boolean;
  /** Method and route of the last request that the worker reported. */
  readonly route: string | undefined;
}

export interface WorkerEvents {
  onReady(worker: ClusterWorker): void;
  onDying(worker: ClusterWorker): void;
  onDeath(worker: ClusterWorker, death: Death): void;
  onRisk(risk: string): void;
}

export class ClusterWorker {
  readonly id: number;
  readonly pid: number;
  /** Node's object for the worker. */
  readonly handle: Worker;
  readonly startedAt = performance.now();
  readonly addresses: ListenAddress[] = [];
  state: WorkerState = 'starting';
  metrics: WorkerMetrics | undefined;
  /** Its private memory in bytes when it became ready. */
  startBytes: number | undefined;
  shutdown: WorkerShutdown | undefined;
  parts: readonly string[] = [];
  /** The time of the last heartbeat, on the clock of `performance.now()`. The message `ready` counts as a heartbeat. */
  beatAt: number | undefined;
  /** Resolves when the process has exited. */
  readonly gone: Promise<Death>;
  /** Resolves with true when the worker is ready, and with false when it exited before. */
  readonly started: Promise<boolean>;

  #killed: string | undefined;
  #error: string | undefined;
  #permanent = false;
  #wasReady = false;
  #route: string | undefined;
  /** The route of the request that caused the error. */
  #fatalRoute: string | undefined;
  #limit: NodeJS.Timeout | undefined;
  readonly #tasks = new Map<number, (message: ResultMessage) => void>();
  #lastTask = 0;
  #resolveStarted!: (ready: boolean) => void;

  constructor(worker: Worker, events: WorkerEvents) {
    this.handle = worker;
    this.id = worker.id;
    this.pid = worker.process.pid ?? 0;
    this.started = new Promise((resolve) => {
      this.#resolveStarted = resolve;
    });
    worker.on('listening', ({ address, port }) => {
      this.addresses.push({ host: address ?? null, port });
      // an app that listens after an error has handled that error
      if (this.state !== 'dying') this.#error = undefined;
      this.#send({ productionize: 'listening?' });
    });
    worker.on('message', (message: unknown) => this.#receive(message, events));
    this.gone = new Promise((resolve) => {
      worker.once('exit', (code, signal) =>
        resolve(this.#die(code, signal as NodeJS.Signals | null, events)),
      );
      worker.on('error', (error) => {
        this.#error ??= error.message;
        // a process that failed to start emits no `exit`; after a broken channel, `exit` follows
        if (worker.process.pid === undefined) resolve(this.#die(null, null, events));
      });
    });
  }

  get wasReady(): boolean {
    return this.#wasReady;
  }

  /** Whether a debugger may stop the worker, which is then neither stuck nor slow to start. */
  get debugged(): boolean {
    const { execArgv = [] } = cluster.settings;
    return this.metrics?.debugged === true || execArgv.some((argument) => argument.startsWith('--inspect'));
  }

  get uptimeMs(): number {
    return performance.now() - this.startedAt;
  }

  /** Requests a drain and the exit of the worker. The worker is killed after the limit. */
  drain(limitMs: number): Promise<Death> {
    if (this.state !== 'dead') {
      const starting = this.state === 'starting';
      this.state = 'draining';
      this.#send(drainMessage);
      // a starting worker has no requests to finish and does not read messages yet
      if (starting) this.handle.process.kill('SIGTERM');
      // a worker without gracefulShutdown stops listening and exits when its connections are closed
      else if (!this.shutdown?.drainMs) this.handle.disconnect();
      this.#limit ??= setTimeout(() => this.kill(`it did not exit within ${limitMs} ms`), limitMs);
    }
    return this.gone;
  }

  /** Requests a task of the worker. Rejects when it fails, or has no result within the limit. */
  request(name: string, argument: unknown, limitMs: number): Promise<unknown> {
    const id = ++this.#lastTask;
    return new Promise((resolve, reject) => {
      const settle = ({ result, error }: Omit<ResultMessage, 'productionize' | 'id'>): void => {
        clearTimeout(limit);
        this.#tasks.delete(id);
        if (error === undefined) resolve(result);
        else reject(new Error(error));
      };
      const limit = setTimeout(() => settle({ error: `no result within ${limitMs} ms` }), limitMs);
      this.#tasks.set(id, settle);
      if (this.handle.isConnected()) this.#send({ productionize: 'task', id, name, argument });
      else settle({ error: 'the worker has no channel' });
    });
  }

  /** Notifies a dying worker that its replacement is ready. */
  release(): void {
    this.#send({ productionize: 'replaced' });
  }

  kill(reason: string): void {
    if (this.state === 'dead') return;
    this.#killed ??= reason;
    this.handle.process.kill('SIGKILL');
  }

  #send(message: typeof drainMessage | PrimaryMessage): void {
    // without a callback, a broken channel emits an error
    if (this.handle.isConnected()) this.handle.send(message, () => {});
  }

  #receive(message: unknown, events: WorkerEvents): void {
    if (message === readyMessage) {
      this.#becomeReady(events);
      return;
    }
    const received = asOurs<WorkerMessage>(message);
    if (received?.productionize === 'ready') this.#becomeReady(events);
    if (received?.productionize === 'shutdown') {
      this.shutdown = received;
      if (!received.reportsReady) this.#becomeReady(events);
    }
    if (received?.productionize === 'beat') {
      this.beatAt = performance.now();
      this.metrics = received;
      if (this.#wasReady) this.startBytes ??= received.privateBytes;
      this.#route = received.route ?? this.#route;
    }
    if (received?.productionize === 'risk') events.onRisk(received.risk);
    if (received?.productionize === 'result') this.#tasks.get(received.id)?.(received);
    if (received?.productionize === 'parts') this.parts = received.parts;
    if (received?.productionize === 'fatal') {
      this.#error = received.error;
      this.#permanent = received.permanent;
      this.#fatalRoute = received.route ?? this.#fatalRoute;
      if (received.draining && (this.state === 'ready' || this.state === 'starting')) {
        this.state = 'dying';
        events.onDying(this);
      }
    }
  }

  #becomeReady(events: WorkerEvents): void {
    if (this.state !== 'starting') return;
    this.state = 'ready';
    this.#wasReady = true;
    this.beatAt ??= performance.now();
    this.startBytes = this.metrics?.privateBytes;
    this.#resolveStarted(true);
    events.onReady(this);
  }

  #die(code: number | null, signal: NodeJS.Signals | null, events: WorkerEvents): Death {
    const death: Death = {
      code: signal ? null : code,
      signal,
      uptimeMs: Math.round(this.uptimeMs),
      wasReady: this.#wasReady,
      killed: this.#killed,
      error: this.#error,
      permanent: this.#permanent,
      listened: this.addresses.length > 0,
      route: this.#fatalRoute ?? this.#route,
    };
    clearTimeout(this.#limit);
    const error = 'the worker died';
    for (const [id, settle] of this.#tasks) settle({ productionize: 'result', id, error });
    this.#resolveStarted(false);
    events.onDeath(this, death);
    this.state = 'dead';
    return death;
  }
}
