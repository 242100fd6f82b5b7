import type { Worker } from 'node:cluster';
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

/** Where a worker listens. */
export interface ListenAddress {
  /** The host that the app passed to `listen`; `null` for all addresses. */
  readonly host: string | null;
  /** The bound port; -1 for a Unix socket, whose path is `host`. */
  readonly port: number;
}

/** How a worker ended. */
export interface Death {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly uptimeMs: number;
  /** False when it died while it started. */
  readonly wasReady: boolean;
  /** Why the primary ended it, where it did. */
  readonly killed: string | undefined;
  /** The error it died of, where it reported one. */
  readonly error: string | undefined;
  /** Another start of the same script fails in the same way. */
  readonly permanent: boolean;
  /** A server listened in it. */
  readonly listened: boolean;
  /** Method and route of the last request that it reported. */
  readonly route: string | undefined;
}

/** Callbacks for the events of a worker. */
export interface WorkerEvents {
  onReady(worker: ClusterWorker): void;
  onDying(worker: ClusterWorker): void;
  onDeath(worker: ClusterWorker, death: Death): void;
  onRisk(risk: string): void;
}

/** One worker as the primary sees it. */
export class ClusterWorker {
  readonly id: number;
  readonly pid: number;
  /** Node's object for it. */
  readonly handle: Worker;
  readonly startedAt = performance.now();
  readonly addresses: ListenAddress[] = [];
  state: WorkerState = 'starting';
  metrics: WorkerMetrics | undefined;
  shutdown: WorkerShutdown | undefined;
  parts: readonly string[] = [];
  /** When the last heartbeat was received, on the clock of `performance.now()`; being ready counts as one. */
  beatAt: number | undefined;
  /** Resolves when the process is gone. */
  readonly gone: Promise<Death>;
  /** Resolves with true when the worker is ready, with false when it ended before. */
  readonly started: Promise<boolean>;

  #killed: string | undefined;
  #error: string | undefined;
  #permanent = false;
  #wasReady = false;
  #route: string | undefined;
  /** The route of the request that caused the error. */
  #fatalRoute: string | undefined;
  #limit: NodeJS.Timeout | undefined;
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
      // an app that listens after all has handled its earlier error
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
        // a process that was not started emits no exit; otherwise a channel broke, and the exit follows
        if (worker.process.pid === undefined) resolve(this.#die(null, null, events));
      });
    });
  }

  get wasReady(): boolean {
    return this.#wasReady;
  }

  get uptimeMs(): number {
    return performance.now() - this.startedAt;
  }

  /** Requests that the worker finishes its requests and exits. After the limit it is killed. */
  drain(limitMs: number): Promise<Death> {
    if (this.state !== 'dead') {
      const starting = this.state === 'starting';
      this.state = 'draining';
      this.#send(drainMessage);
      // before it serves it has nothing to finish, and does not listen for messages yet
      if (starting) this.handle.process.kill('SIGTERM');
      // a worker without gracefulShutdown stops listening and exits when its connections have closed
      else if (!this.shutdown?.drainMs) this.handle.disconnect();
      this.#limit ??= setTimeout(() => this.kill(`it did not exit within ${limitMs} ms`), limitMs);
    }
    return this.gone;
  }

  /** Notifies a dying worker that its replacement serves. */
  release(): void {
    this.#send({ productionize: 'replaced' });
  }

  kill(reason: string): void {
    if (this.state === 'dead') return;
    this.#killed ??= reason;
    this.handle.process.kill('SIGKILL');
  }

  #send(message: typeof drainMessage | PrimaryMessage): void {
    // the callback keeps a broken channel from becoming an error event
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
      this.#route = received.route ?? this.#route;
    }
    if (received?.productionize === 'risk') events.onRisk(received.risk);
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
    this.#resolveStarted(false);
    events.onDeath(this, death);
    this.state = 'dead';
    return death;
  }
}
