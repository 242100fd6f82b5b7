import type { Worker } from 'node:cluster';
import {
  asOurs,
  drainMessage,
  type Manners,
  type PrimaryMessage,
  readyMessage,
  type Vitals,
  type WorkerMessage,
} from './worker-protocol.js';

/** `dying`: an error escaped, and the worker finishes its requests. `draining`: it was asked to leave. */
export type WorkerState = 'starting' | 'ready' | 'dying' | 'draining' | 'dead';

/** Where a worker listens. */
export interface ListenAddress {
  /** What the app named; `null` for every address. */
  readonly host: string | null;
  /** As the system chose it; -1 for a Unix socket, whose path is `host`. */
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
  /** Method and route of the request it was last heard of with. */
  readonly route: string | undefined;
}

/** What the pool hears of a worker. */
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
  /** Node's own view of it. */
  readonly handle: Worker;
  readonly startedAt = performance.now();
  readonly addresses: ListenAddress[] = [];
  state: WorkerState = 'starting';
  vitals: Vitals | undefined;
  manners: Manners | undefined;
  parts: readonly string[] = [];
  /** When the last beat came, on the clock of `performance.now()`; being ready counts as one. */
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
  /** The route of the error, whatever other requests came after it. */
  #guilty: string | undefined;
  #limit: NodeJS.Timeout | undefined;
  #tell!: (ready: boolean) => void;

  constructor(worker: Worker, events: WorkerEvents) {
    this.handle = worker;
    this.id = worker.id;
    this.pid = worker.process.pid ?? 0;
    this.started = new Promise((resolve) => {
      this.#tell = resolve;
    });
    worker.on('listening', ({ address, port }) => {
      this.addresses.push({ host: address ?? null, port });
      // an app that listens after all has handled its earlier error
      if (this.state !== 'dying') this.#error = undefined;
      this.#send({ productionize: 'listening?' });
    });
    worker.on('message', (message: unknown) => this.#hear(message, events));
    this.gone = new Promise((resolve) => {
      worker.once('exit', (code, signal) =>
        resolve(this.#die(code, signal as NodeJS.Signals | null, events)),
      );
      worker.on('error', (error) => {
        this.#error ??= error.message;
        // a process that never was has no exit; else this is a channel that broke, and the exit follows
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

  /** Asks the worker to finish what it has and to leave; what has not left within the limit is killed. */
  drain(limitMs: number): Promise<Death> {
    if (this.state !== 'dead') {
      const starting = this.state === 'starting';
      this.state = 'draining';
      this.#send(drainMessage);
      // before it serves it has nothing to finish, and hears no message yet
      if (starting) this.handle.process.kill('SIGTERM');
      // a worker without a drain of its own still stops listening and leaves when its connections have ended
      else if (!this.manners?.drainMs) this.handle.disconnect();
      this.#limit ??= setTimeout(() => this.kill(`it did not leave within ${limitMs} ms`), limitMs);
    }
    return this.gone;
  }

  /** Tells a dying worker that its replacement serves. */
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

  #hear(message: unknown, events: WorkerEvents): void {
    if (message === readyMessage) {
      this.#becomeReady(events);
      return;
    }
    const told = asOurs<WorkerMessage>(message);
    if (told?.productionize === 'ready') this.#becomeReady(events);
    if (told?.productionize === 'manners') {
      this.manners = told;
      if (!told.saysReady) this.#becomeReady(events);
    }
    if (told?.productionize === 'beat') {
      this.beatAt = performance.now();
      this.vitals = told;
      this.#route = told.route ?? this.#route;
    }
    if (told?.productionize === 'risk') events.onRisk(told.risk);
    if (told?.productionize === 'parts') this.parts = told.parts;
    if (told?.productionize === 'fatal') {
      this.#error = told.error;
      this.#permanent = told.permanent;
      this.#guilty = told.route ?? this.#guilty;
      if (told.draining && (this.state === 'ready' || this.state === 'starting')) {
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
    this.#tell(true);
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
      route: this.#guilty ?? this.#route,
    };
    clearTimeout(this.#limit);
    this.#tell(false);
    events.onDeath(this, death);
    this.state = 'dead';
    return death;
  }
}
