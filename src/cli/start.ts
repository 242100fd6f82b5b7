import cluster from 'node:cluster';
import nodeModule from 'node:module';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { createLogger } from '../logging/logger.js';
import { requestReadableLog } from '../logging/terminal-lines.js';
import { configVariable } from '../preload/app-config.js';
import { installServingHooks } from '../preload/serving-hooks.js';
import { clusterDefaults } from '../process/cluster/cluster-defaults.js';
import { type ClusterStatus, isEveryHost, type WorkerStatus } from '../process/cluster/control-protocol.js';
import { inheritNodeEnvOnceListening, presetProduction } from '../process/cluster/preset-production.js';
import { startPrimary } from '../process/cluster/primary.js';
import { chooseWorkers } from '../process/cluster/worker-count.js';
import { configOption, findConfig, findScript } from './app-script.js';
import { type Command, memoryLimit, workerCount } from './command.js';
import { paint, print } from './output.js';
import { ownDirectory } from './own-files.js';

export const start: Command = {
  summary: 'run an Express app, productionized, in a cluster',
  synopsis: '<script> [options] [-- <arguments of the script>]',
  description: `Runs the script in one worker process per CPU. Each Express app in it is productionized when it starts to serve, unless
it does so itself; the script needs no change. NODE_ENV is production where neither the environment nor the app sets it.

SIGTERM and SIGINT drain all workers and exit, SIGHUP replaces the workers one by one.`,
  options: {
    workers: {
      type: 'string',
      short: 'w',
      value: '<n|max>',
      help: 'the number of workers; default: WEB_CONCURRENCY, else the CPUs available',
    },
    'max-memory': {
      type: 'string',
      value: '<n|off>',
      help: 'the memory above which the largest worker is replaced: a fraction of the limit of the control group (0.9), or bytes such as 512M',
    },
    name: {
      type: 'string',
      value: '<name>',
      help: 'a name for the cluster, which status prints and the other commands accept',
    },
    config: configOption,
    'runtime-dir': { type: 'string', value: '<dir>', help: 'the directory of the control socket' },
    'no-control': {
      type: 'boolean',
      help: 'open no control socket: status, reload, scale and stop do not work',
    },
    json: { type: 'boolean', help: 'print JSON lines on a terminal, too' },
  },
  examples: ['start app.js', 'start app.js --workers 4 --name web -- --port 3000'],
  completes: 'file',
  async run(args) {
    const { values, rest } = args;
    const file = findScript('start', args);
    const config = findConfig(values.config as string | undefined, file);
    const given =
      values.workers === undefined ? undefined : workerCount('--workers', values.workers as string);
    const maxMemory =
      values['max-memory'] === undefined
        ? clusterDefaults.maxMemory
        : memoryLimit('--max-memory', values['max-memory'] as string);
    const workers = chooseWorkers(given, process.env.WEB_CONCURRENCY);
    presetProduction();
    if (config) process.env[configVariable] = config;
    if (cluster.isWorker) {
      runHere(file, rest);
      return undefined;
    }
    const readable = process.stdout.isTTY && !values.json;
    if (readable) requestReadableLog();
    const running = startPrimary({
      ...clusterDefaults,
      workers,
      maxMemory,
      control: values['no-control'] !== true,
      runtimeDir: values['runtime-dir'] as string | undefined,
      name: values.name as string | undefined,
      log: createLogger(),
      fork: {
        exec: file,
        args: [...rest],
        execArgv: [
          ...process.execArgv,
          '--import',
          pathToFileURL(path.join(ownDirectory, 'preload.js')).href,
        ],
      },
    });
    if (readable) void running.ready.then(() => print(banner(running.status())));
    return undefined;
  },
};

/** Runs the script in this process: a worker of another cluster, such as that of PM2, cannot start workers. */
function runHere(file: string, args: readonly string[]): void {
  inheritNodeEnvOnceListening();
  installServingHooks();
  process.argv.splice(1, Number.POSITIVE_INFINITY, file, ...args);
  nodeModule.runMain(file);
}

/** The lines after a start: the app, its addresses and its enabled parts. */
function banner({ name, script, pid, ready, workers }: ClusterStatus): string {
  const urls = [...new Set(workers.flatMap(({ addresses }) => addresses.map(urlOf)))];
  const parts = [...new Set(workers.flatMap((worker) => worker.parts))];
  return [
    '',
    `  ${paint('bold', name ?? path.basename(script))}  ${paint('green', urls.join('  ') || 'no address')}`,
    `  ${ready} ${ready === 1 ? 'worker' : 'workers'}, primary ${pid}, NODE_ENV ${process.env.NODE_ENV}`,
    ...(parts.length > 0 ? [paint('dim', `  on: ${parts.join(', ')}`)] : []),
    '',
  ].join('\n');
}

function urlOf({ host, port }: WorkerStatus['addresses'][number]): string {
  if (port < 0) return host ?? '';
  if (isEveryHost(host)) return `http://localhost:${port}`;
  return `http://${host.includes(':') ? `[${host}]` : host}:${port}`;
}
