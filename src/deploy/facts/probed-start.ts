import { type ChildProcess, spawn } from 'node:child_process';
import path from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { pathToFileURL } from 'node:url';
import { configVariable } from '../../preload/app-config.js';
import { ProductionizeError } from '../../support/errors.js';
import { ownPackage } from '../package-files.js';
import { isProbeMessage, type Probe, probeVariable } from './probe-protocol.js';

export interface ProbedApp {
  readonly script: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string | undefined>>;
  /** The file with the options of `productionize`, if any. */
  readonly config: string | undefined;
  readonly timeoutMs: number;
}

const lastLines = 40;
const longestLine = 500;
/** Milliseconds for the last output of an app that has ended to arrive. */
const outputMs = 500;

/** What a manager of this process sets. The app must not take itself for a process of that manager. */
const ofManagers =
  /^(?:NODE_UNIQUE_ID|NODE_CHANNEL_\w+|LISTEN_\w+|NOTIFY_SOCKET|WATCHDOG_\w+|INVOCATION_ID|KUBERNETES_SERVICE_HOST|ECS_CONTAINER_METADATA_URI_V4|pm_id|npm_lifecycle_\w+|EXPRESS_PRODUCTIONIZE_WORKER)$/;

export function factsError(message: string): ProductionizeError {
  return new ProductionizeError('ERR_PRODUCTIONIZE_FACTS', message);
}

/**
 * Starts an app until it listens, reads what it shows, and kills it with all its children. It listens on a free port of
 * 127.0.0.1, whatever it requests, and receives no request.
 *
 * @throws ProductionizeError when it ends or does not listen in time, with its last output.
 */
export async function probeApp(app: ProbedApp): Promise<Probe> {
  const child = start(app);
  const kill = (): void => killGroup(child);
  process.once('exit', kill);
  const lines: string[] = [];
  for (const stream of [child.stdout, child.stderr]) {
    createInterface({ input: stream as Readable }).on('line', (line) => {
      lines.push(line.slice(0, longestLine));
      if (lines.length > lastLines) lines.shift();
    });
  }
  let timer: NodeJS.Timeout | undefined;
  try {
    return await new Promise<Probe>((resolve, reject) => {
      const fail = (why: string): void => {
        const output = lines.length > 0 ? ` Its last output:\n\n${lines.join('\n')}\n\n` : '';
        reject(factsError(`deploy: the app ${why}.${output}`));
      };
      child.on('message', (message) => {
        if (isProbeMessage(message)) resolve(message.probe);
      });
      child.once('error', (error) => fail(`cannot be started: ${error.message}`));
      child.once('exit', (code, signal) => {
        const how = signal ? `was ended by ${signal}` : `ended with exit code ${code}`;
        const hint = app.args.length === 0 && code ? '. Arguments of the script follow `--`' : '';
        const state = `${how} before it listened${hint}`;
        // a child of the app may hold the output open
        const late = setTimeout(fail, outputMs, state);
        child.once('close', () => {
          clearTimeout(late);
          fail(state);
        });
      });
      timer = setTimeout(() => fail(`did not listen within ${app.timeoutMs / 1000} s`), app.timeoutMs);
    });
  } finally {
    clearTimeout(timer);
    kill();
    process.off('exit', kill);
  }
}

function start({ script, args, env, config }: ProbedApp): ChildProcess {
  const own = ownPackage();
  if (own === undefined) {
    throw factsError('readFacts: the files of express-productionize are not found. It cannot be bundled.');
  }
  const preload = pathToFileURL(path.join(own.directory, 'dist/app-probe.js')).href;
  const inherited = Object.entries({ ...process.env, ...env }).filter(([name]) => !ofManagers.test(name));
  return spawn(process.execPath, [...process.execArgv, '--import', preload, script, ...args], {
    // its own group, which can be killed as a whole
    detached: process.platform !== 'win32',
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    env: {
      ...Object.fromEntries(inherited),
      [probeVariable]: String(process.pid),
      [configVariable]: config,
    },
  });
}

function killGroup({ pid, stdout, stderr }: ChildProcess): void {
  try {
    if (pid !== undefined) process.kill(process.platform === 'win32' ? pid : -pid, 'SIGKILL');
  } catch {
    // all processes have ended
  }
  stdout?.destroy();
  stderr?.destroy();
}
