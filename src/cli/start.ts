import { realpathSync } from 'node:fs';
import Module, { createRequire } from 'node:module';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { createLogger } from '../logging/logger.js';
import { clusterDefaults } from '../process/cluster/cluster-defaults.js';
import { startPrimary } from '../process/cluster/primary.js';
import { chooseWorkers, maxWorkers } from '../process/cluster/worker-count.js';
import { defaultToProduction } from '../support/environment.js';
import { type Command, UsageError, wholeNumber } from './command.js';

export const start: Command = {
  summary: 'run an Express app, productionized, in a cluster',
  usage: `<script> [options] [-- <arguments of the script>]

Runs the script in one worker process per CPU. Each Express app in it is productionized when it starts to serve,
unless it does so itself; the script needs no change. NODE_ENV becomes production where it is not set. With one worker
there is no cluster: the script runs in this process.

  -w, --workers <n>     how many workers; default: WEB_CONCURRENCY, else the CPUs available
  --runtime-dir <dir>   where to put the control socket
  --no-control          no control socket: status, reload, scale and stop cannot reach it

Signals to this process: SIGTERM and SIGINT drain all workers and end, SIGHUP replaces them one by one.`,
  options: {
    workers: { type: 'string', short: 'w' },
    'runtime-dir': { type: 'string' },
    'no-control': { type: 'boolean' },
  },
  async run({ values, positionals, rest }) {
    const [script, ...more] = positionals;
    if (script === undefined) throw new UsageError('start: expected the script of an app');
    if (more.length > 0) {
      throw new UsageError(
        `start: unexpected argument ${JSON.stringify(more[0])}. Arguments of the script stand behind \`--\`.`,
      );
    }
    const file = findScript('start', script);
    const given =
      values.workers === undefined
        ? undefined
        : wholeNumber('--workers', values.workers as string, maxWorkers);
    const workers = chooseWorkers(given, process.env.WEB_CONCURRENCY);
    const log = createLogger();
    defaultToProduction();
    if (workers.count === 1) {
      log.info({ script: file }, `one worker (${workers.reason}): no cluster, the app runs in this process`);
      await runHere(file, rest);
      return undefined;
    }
    startPrimary({
      ...clusterDefaults,
      workers,
      control: values['no-control'] !== true,
      runtimeDir: values['runtime-dir'] as string | undefined,
      log,
      fork: {
        exec: file,
        args: [...rest],
        execArgv: [...process.execArgv, '--import', pathToFileURL(preload()).href],
      },
    });
    return undefined;
  },
};

/** Found as Node finds a script: without its extension, or by the folder of its package. */
export function findScript(command: string, script: string): string {
  const file = path.resolve(script);
  try {
    return createRequire(file).resolve(file);
  } catch {
    throw new UsageError(`${command}: there is no script ${JSON.stringify(file)}`);
  }
}

/** The preload stands beside the program that runs. */
function preload(): string {
  return path.join(path.dirname(realpathSync(process.argv[1] as string)), 'preload.js');
}

/** As if Node had been started with the script: `require.main` and `process.argv` are the script's. */
async function runHere(file: string, args: readonly string[]): Promise<void> {
  await import(pathToFileURL(preload()).href);
  process.argv = [process.argv[0] as string, file, ...args];
  (Module as unknown as { runMain(): void }).runMain();
}
