import { type ChildProcess, spawn } from 'node:child_process';
import path from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { pathToFileURL } from 'node:url';
import { configVariable } from '../../preload/app-config.js';
import { ProductionizeError } from '../../support/errors.js';
import { ownPackage } from '../package-files.js';

/** An app and how it is started. */
export interface StartedApp {
  readonly script: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string | undefined>>;
  /** The file with the options of `productionize`, if any. */
  readonly config: string | undefined;
  /** Options of Node for the script. @default [] */
  readonly nodeArgs?: readonly string[];
}

const lastLines = 40;
const longestLine = 500;
/** Milliseconds for the last output of an app that has ended to arrive. */
const outputMs = 500;

/** What a manager of this process sets. The app must not take itself for a process of that manager. */
const ofManagers =
  /^(?:NODE_UNIQUE_ID|NODE_CHANNEL_\w+|LISTEN_\w+|NOTIFY_SOCKET|WATCHDOG_\w+|INVOCATION_ID|KUBERNETES_SERVICE_HOST|ECS_CONTAINER_METADATA_URI_V4|pm_id|npm_lifecycle_\w+|EXPRESS_PRODUCTIONIZE_WORKER)$/;

/** An app that runs with a program of this package loaded into it. Its process group is killed as a whole. */
export class AppProcess {
  readonly child: ChildProcess;
  /** Resolves when the process has ended. */
  readonly ended: Promise<void>;
  readonly #app: StartedApp;
  readonly #lines: string[] = [];

  /** `preload` is a file of this package, which reads `variables`. */
  constructor(app: StartedApp, preload: string, variables: Readonly<Record<string, string>>) {
    this.#app = app;
    this.child = spawnApp(app, preload, variables);
    process.once('exit', this.kill);
    for (const stream of [this.child.stdout, this.child.stderr]) {
      createInterface({ input: stream as Readable }).on('line', (line) => {
        this.#lines.push(line.slice(0, longestLine));
        if (this.#lines.length > lastLines) this.#lines.shift();
      });
    }
    this.ended = new Promise((resolve) => {
      this.child.once('exit', () => resolve());
      this.child.once('error', () => resolve());
    });
  }

  /**
   * Resolves with the first result of `read` for a message of the app.
   *
   * @throws ProductionizeError when the app ends or sends no such message in time, with its last output.
   */
  async first<Result>(read: (message: unknown) => Result | undefined, timeoutMs: number): Promise<Result> {
    const { child } = this;
    let timer: NodeJS.Timeout | undefined;
    try {
      return await new Promise<Result>((resolve, reject) => {
        const fail = (why: string): void => {
          const output = this.#lines.length > 0 ? ` Its last output:\n\n${this.#lines.join('\n')}\n\n` : '';
          reject(new ProductionizeError('ERR_PRODUCTIONIZE_FACTS', `deploy: the app ${why}.${output}`));
        };
        child.on('message', (message) => {
          const result = read(message);
          if (result !== undefined) resolve(result);
        });
        child.once('error', (error) => fail(`cannot be started: ${error.message}`));
        child.once('exit', (code, signal) => {
          const how = signal ? `was ended by ${signal}` : `ended with exit code ${code}`;
          const hint = this.#app.args.length === 0 && code ? '. Arguments of the script follow `--`' : '';
          const state = `${how} before it listened${hint}`;
          // a child of the app may hold the output open
          const late = setTimeout(fail, outputMs, state);
          child.once('close', () => {
            clearTimeout(late);
            fail(state);
          });
        });
        timer = setTimeout(() => fail(`did not listen within ${timeoutMs / 1000} s`), timeoutMs);
      });
    } finally {
      clearTimeout(timer);
    }
  }

  /** Kills the app with all its children. */
  readonly kill = (): void => {
    killGroup(this.child);
    process.off('exit', this.kill);
  };
}

/** Kills an app of `spawnApp` with all its children. */
export function killGroup({ pid, stdout, stderr }: ChildProcess): void {
  try {
    if (pid !== undefined) process.kill(process.platform === 'win32' ? pid : -pid, 'SIGKILL');
  } catch {
    // all processes have ended
  }
  stdout?.destroy();
  stderr?.destroy();
}

/** Starts an app in a process group of its own, with a file of this package loaded in front of it. */
export function spawnApp(
  { script, args, env, config, nodeArgs = [] }: StartedApp,
  file: string,
  variables: Readonly<Record<string, string>>,
  output: 'pipe' | number = 'pipe',
): ChildProcess {
  const own = ownPackage();
  if (own === undefined) {
    throw new ProductionizeError(
      'ERR_PRODUCTIONIZE_FACTS',
      'readFacts: the files of express-productionize are not found. It cannot be bundled.',
    );
  }
  const preload = pathToFileURL(path.join(own.directory, 'dist', file)).href;
  const inherited = Object.entries({ ...process.env, ...env }).filter(([name]) => !ofManagers.test(name));
  return spawn(process.execPath, [...process.execArgv, ...nodeArgs, '--import', preload, script, ...args], {
    // its own group, which can be killed as a whole
    detached: process.platform !== 'win32',
    stdio: ['ignore', output, output, 'ipc'],
    env: { ...Object.fromEntries(inherited), ...variables, [configVariable]: config },
  });
}
