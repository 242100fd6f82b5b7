import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { killGroup, type StartedApp, spawnApp } from '../deploy/facts/app-process.js';
import { withTimeLimit } from '../support/time-limit.js';
import { OutputFile } from './output-file.js';
import {
  doctorMessage,
  doctorVariable,
  isDoctorMessage,
  type Query,
  type Results,
} from './probe/doctor-protocol.js';

export interface ExaminedScript extends StartedApp {
  /** Milliseconds for the app to listen. */
  readonly timeoutMs: number;
  /** Whether the app is productionized before it serves. */
  readonly preview: boolean;
}

/** Milliseconds without a further server after which the app has started. */
const settleMs = 300;
const resultMs = 5000;

/** The app cannot be examined: it does not start, or does not respond. */
export class CannotExamine extends Error {}

/** One start of the user's app, in a process group that can be killed as a whole. */
export class ExaminedApp {
  readonly #child: ChildProcess;
  readonly #output = new OutputFile();
  readonly #kill = (): void => killGroup(this.#child);
  readonly exited: Promise<{ code: number | null; signal: NodeJS.Signals | null }>;
  readonly #workerEnded: Promise<void>;

  constructor(script: ExaminedScript) {
    this.#child = spawnApp(
      script,
      'doctor-probe.js',
      { [doctorVariable]: script.preview ? 'productionized' : 'as it is' },
      this.#output.fd,
    );
    process.once('exit', this.#kill);
    this.exited = new Promise((resolve) => {
      this.#child.once('exit', (code, signal) => resolve({ code, signal }));
      this.#child.once('error', () => resolve({ code: null, signal: null }));
    });
    this.#workerEnded = new Promise((resolve) => {
      this.#child.on('message', (message) => {
        if (isDoctorMessage(message) && message.kind === 'worker ended') resolve();
      });
    });
  }

  /** Resolves when the examined process has ended: a worker, if the app forks workers. */
  processEnded(): Promise<unknown> {
    return Promise.race([this.exited, this.#workerEnded]);
  }

  /**
   * Resolves when the app listens, and no further server has followed for a moment. For an app that does not listen in
   * time the doctor listens.
   */
  async listening(timeoutMs: number): Promise<void> {
    const listening = new Promise<void>((resolve) => {
      let settled: NodeJS.Timeout | undefined;
      this.#child.on('message', (message) => {
        if (!isDoctorMessage(message) || message.kind !== 'listening') return;
        clearTimeout(settled);
        settled = setTimeout(resolve, settleMs);
      });
    });
    const ended = this.exited.then(({ code, signal }) => {
      throw this.#cannot(
        signal
          ? `was ended by ${signal} before it listened`
          : `ended with exit code ${code} before it listened${code === 0 ? ', and has made no Express app' : ''}`,
      );
    });
    const started = Promise.race([listening, ended]);
    const isLate = await withTimeLimit(started, timeoutMs, () => true);
    if (isLate && !(await this.request('listen'))) {
      throw this.#cannot(`did not listen within ${timeoutMs / 1000} s`);
    }
    if (isLate) await withTimeLimit(started, resultMs, () => {});
  }

  /** Requests something from the code that runs inside the app. */
  async request<Name extends Query>(query: Name): Promise<Results[Name]> {
    const result = new Promise<Results[Name]>((resolve) => {
      const onMessage = (message: unknown): void => {
        if (!isDoctorMessage(message) || message.kind !== 'result' || message.query !== query) return;
        this.#child.off('message', onMessage);
        resolve(message.result as Results[Name]);
      };
      this.#child.on('message', onMessage);
    });
    this.#child.send(doctorMessage({ kind: 'query', query }), () => {});
    const ended = this.exited.then(() => {
      throw this.#cannot('ended while it was examined');
    });
    return withTimeLimit(Promise.race([result, ended]), resultMs, () =>
      Promise.reject(this.#cannot(`blocked its event loop for ${resultMs / 1000} s`)),
    );
  }

  /** The last lines of its output so far. */
  output(): string {
    return this.#output.end();
  }

  signal(name: NodeJS.Signals): void {
    this.#child.kill(name);
  }

  /** Kills the app and its children, and resolves when it has ended. */
  async end(): Promise<void> {
    this.#kill();
    process.off('exit', this.#kill);
    if (this.#child.exitCode === null && this.#child.signalCode === null && this.#child.pid !== undefined) {
      await once(this.#child, 'exit');
    }
    this.#output.close();
  }

  #cannot(why: string): CannotExamine {
    const output = this.#output.end();
    return new CannotExamine(`the app ${why}.${output && ` Its last output:\n\n${output}\n`}`);
  }
}
