import { AppProcess, type StartedApp } from '../../deploy/facts/app-process.js';
import { withTimeLimit } from '../../support/time-limit.js';
import { instanceEvent, instanceVariable } from './instance-protocol.js';
import type { SeenRequests } from './seen-requests.js';

export interface InstanceOptions {
  readonly app: StartedApp;
  /** The port that the app requests. */
  readonly requested: number;
  /** Whether it requests any free port. */
  readonly requestsAny: boolean;
  readonly timeoutMs: number;
  /** Milliseconds from SIGTERM to the exit of the app at the latest. */
  readonly shutdownMs: number;
}

/** One instance of the app, on a port that stays the same over restarts. */
export class ProvedInstance {
  readonly port: number;
  readonly #index: number;
  readonly #options: InstanceOptions;
  readonly #seen: SeenRequests;
  #process: AppProcess | undefined;
  #isOver = false;

  constructor(index: number, port: number, options: InstanceOptions, seen: SeenRequests) {
    this.#index = index;
    this.port = port;
    this.#options = options;
    this.#seen = seen;
  }

  /** Resolves when the app listens. */
  async start(): Promise<void> {
    const { app, requested, requestsAny, timeoutMs } = this.#options;
    if (this.#isOver) throw new Error('the proof is over');
    const settings = JSON.stringify({ parent: process.pid, requested, requestsAny, port: this.port });
    this.#process = new AppProcess(app, 'proved-instance.js', { [instanceVariable]: settings });
    this.#process.child.on('message', (message) => {
      const event = instanceEvent(message);
      if (event) this.#seen.add(event, this.#index);
    });
    const listens = (message: unknown) => instanceEvent(message)?.kind === 'listening' || undefined;
    await this.#process.first(listens, timeoutMs);
  }

  /** Kills the app, as a crash or the kernel does. */
  async crash(): Promise<void> {
    this.#process?.kill();
    await this.#process?.ended;
  }

  /** Stops the app as its supervisor does. Resolves with whether it has ended by itself. */
  async stop(): Promise<boolean> {
    const { child, ended } = this.#process as AppProcess;
    child.kill('SIGTERM');
    const hasEnded = await withTimeLimit(
      ended.then(() => true),
      this.#options.shutdownMs,
      () => false,
    );
    await this.crash();
    return hasEnded;
  }

  /** Kills the app for good. */
  async end(): Promise<void> {
    this.#isOver = true;
    await this.crash();
  }
}
