import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';
import { sendRequest } from '../../process/cluster/control-client.js';
import {
  type ClusterStatus,
  type ControlRequest,
  type ControlResponse,
  isEveryHost,
} from '../../process/cluster/control-protocol.js';
import { attempt } from '../../support/attempt.js';
import { withTimeLimit } from '../../support/time-limit.js';
import type { Target } from './traffic.js';

/** The app does not start, or does not serve the requested paths, so that no drill is possible. */
export class CannotDrill extends Error {}

/** The app of a drill and the settings of its start. */
export interface AppSettings {
  /** The program of the command line, and the script that it starts. */
  readonly program: string;
  readonly script: string;
  readonly args: readonly string[];
  /** The file with the options of `productionize`, if any. */
  readonly config: string | undefined;
  readonly workers: number;
  /** The port that receives the traffic, where the app listens on several. */
  readonly port: number | undefined;
}

const pollMs = 50;
const startMs = 30_000;
/** Milliseconds for the app to exit on its own, slightly more than the drain of a worker. */
const stopMs = 12_000;
/** Milliseconds for its last output to arrive. */
const outputMs = 1000;
/** Polls with the same addresses: an app may listen on its second port a moment after it is ready on the first. */
const settledPolls = 4;
const lastLines = 40;
const longestLine = 500;
const workerDied = 'a worker died before all were ready';

// when the drill is killed, the cluster drains its workers and exits
const stopWithParent = `data:text/javascript,import cluster from 'node:cluster';
if (cluster.isPrimary) process.once('disconnect', () => process.kill(process.pid, 'SIGTERM'));`;

/** The user's app in a separate cluster, as `start` runs it. Its process group can be killed as a whole. */
export class DrilledApp {
  readonly #child: ChildProcess;
  readonly #directory: string;
  readonly #settings: AppSettings;
  readonly #exited: Promise<void>;
  readonly #lines: string[] = [];
  #serves = false;
  #outputEnded = false;

  constructor(settings: AppSettings) {
    const { program, script, args, workers, config } = settings;
    this.#settings = settings;
    this.#directory = mkdtempSync(path.join(os.tmpdir(), 'drill-'));
    const start = ['start', script, '--workers', String(workers), '--runtime-dir', this.#directory];
    if (config) start.push('--config', config);
    this.#child = spawn(
      process.execPath,
      [...process.execArgv, '--import', stopWithParent, program, ...start, '--', ...args],
      { detached: true, stdio: ['ignore', 'pipe', 'pipe', 'ipc'] },
    );
    for (const stream of [this.#child.stdout, this.#child.stderr]) {
      createInterface({ input: stream as Readable }).on('line', (line) => {
        this.#lines.push(readable(line).slice(0, longestLine));
        if (this.#lines.length > lastLines) this.#lines.shift();
      });
    }
    this.#exited = new Promise((resolve) => {
      this.#child.once('exit', () => resolve());
      this.#child.once('error', () => resolve());
    });
    this.#child.once('close', () => {
      this.#outputEnded = true;
    });
    process.once('exit', this.#kill);
  }

  /** Resolves with the address when all workers are ready. */
  async ready(signal: AbortSignal): Promise<Target> {
    const until = performance.now() + startMs;
    let known = '';
    let unchanged = 0;
    while (!signal.aborted && performance.now() < until) {
      if (this.#hasExited) {
        await this.#waitForOutput(() => this.#outputEnded);
        // a cluster that gives up may end before its socket reports the death
        throw this.#cannotStart(this.#reportsDeath ? workerDied : 'it ended');
      }
      const status = await this.#status();
      if (status && status.deaths > 0) {
        await this.#waitForOutput(() => this.#reportsDeath);
        throw this.#cannotStart(workerDied);
      }
      if (status && status.ready >= status.target) {
        this.#serves = true;
        const addresses = JSON.stringify(status.workers.map((worker) => worker.addresses));
        unchanged = addresses === known ? unchanged + 1 : 1;
        known = addresses;
        if (unchanged >= settledPolls) return this.#choose(status);
      }
      await delay(pollMs);
    }
    throw this.#cannotStart('it was not ready in time. An app is ready when it listens');
  }

  /** Replaces all workers. Rejects with the message of the cluster when the reload fails. */
  async reload(): Promise<void> {
    const response = await this.#send({ command: 'reload' });
    if (!response) throw new Error('the cluster has exited');
    if (!response.ok) throw new Error(response.message);
  }

  /** Resolves with the number of workers that died without a request to exit. */
  async deaths(): Promise<number> {
    return (await this.#status())?.deaths ?? this.#settings.workers;
  }

  /** Ends all processes of the app. A serving app is sent SIGTERM first; then the processes are killed. */
  async stop(): Promise<void> {
    if (this.#serves && !this.#hasExited) {
      this.#child.kill('SIGTERM');
      await withTimeLimit(this.#exited, stopMs, () => {}, { ref: false });
    }
    this.#kill();
    process.off('exit', this.#kill);
  }

  readonly #kill = (): void => {
    try {
      if (process.platform === 'win32') this.#child.kill('SIGKILL');
      else if (this.#child.pid !== undefined) process.kill(-this.#child.pid, 'SIGKILL');
    } catch {
      // all processes have exited
    }
    rmSync(this.#directory, { recursive: true, force: true });
  };

  get #reportsDeath(): boolean {
    return this.#lines.some((line) => /\bdied: /.test(line));
  }

  get #hasExited(): boolean {
    return this.#child.exitCode !== null || this.#child.signalCode !== null || this.#child.pid === undefined;
  }

  async #status(): Promise<ClusterStatus | undefined> {
    const response = await this.#send({ command: 'status' }, 5000);
    return response?.ok ? response.status : undefined;
  }

  /** Resolves with the response of the primary, or with `undefined` where it does not respond. */
  async #send(request: ControlRequest, limitMs?: number): Promise<ControlResponse | undefined> {
    const name = readdirSync(this.#directory).find((file) => file.endsWith('.sock'));
    if (name === undefined) return undefined;
    return sendRequest(path.join(this.#directory, name), request, limitMs).catch(() => undefined);
  }

  #choose({ workers }: ClusterStatus): Target {
    const all = new Map(
      workers.flatMap(({ addresses }) => addresses.map((address) => [address.port, address])),
    );
    all.delete(-1);
    const { port = all.size === 1 ? [...all.keys()][0] : undefined } = this.#settings;
    const ports = [...all.keys()].join(', ') || 'none';
    if (port === undefined) {
      throw new CannotDrill(`expected the app to listen on one port, got ${ports}. --port names one.`);
    }
    const address = all.get(port);
    if (!address) throw new CannotDrill(`the app does not listen on port ${port}: its ports are ${ports}.`);
    return { host: isEveryHost(address.host) ? '127.0.0.1' : address.host, port };
  }

  /** Waits for output that arrives after the response of the control socket. */
  async #waitForOutput(isAll: () => boolean): Promise<void> {
    const until = performance.now() + outputMs;
    while (!isAll() && performance.now() < until) await delay(pollMs);
  }

  #cannotStart(why: string): CannotDrill {
    const words = this.#lines.length > 0 ? ` Its last output:\n\n${this.#lines.join('\n')}` : '';
    return new CannotDrill(`the app did not start: ${why}.${words}`);
  }
}

/** Returns the message of a log line, and any other line unchanged. */
function readable(line: string): string {
  if (!line.startsWith('{')) return line;
  return attempt(() => String(JSON.parse(line).msg ?? line), line);
}
