import type { ClusterStatus, WorkerStatus } from '../process/cluster/control-protocol.js';
import { type Arguments, type Command, exitCodes } from './command.js';
import { alignColumns, duration, paint, print, printable, printError } from './output.js';
import {
  clusterOptions,
  clusterStates,
  clustersOf,
  everyMsOf,
  everyOption,
  noCluster,
  noMore,
} from './running-cluster.js';

export const status: Command = {
  summary: 'print the state of all workers',
  synopsis: '[options]',
  description: `Prints the clusters of this user and their workers. Exit code 0 when every cluster has all its workers ready, 1 when
one has not or none is running. The JSON is an array with one object for each cluster, and with --every one line each time.`,
  options: { ...clusterOptions, every: everyOption },
  examples: ['status', 'status --name web --json'],
  async run(args) {
    noMore('status', args.positionals);
    const everyMs = everyMsOf(args);
    if (everyMs !== undefined) {
      // the reader of a pipe has ended
      process.stdout.once('error', () => process.exit());
      for await (const clusters of clusterStates(args, everyMs)) show(clusters, args);
    }
    const clusters = (await clustersOf(args)).map((cluster) => cluster.status);
    show(clusters, args);
    const allReady = clusters.length > 0 && clusters.every(({ ready, target }) => ready >= target);
    return allReady ? exitCodes.done : exitCodes.failed;
  },
  show(result) {
    const clusters = result as readonly ClusterStatus[];
    if (clusters.length === 0) printError('No cluster is running.');
    for (const cluster of clusters) print(table(cluster));
  },
};

function show(clusters: readonly ClusterStatus[], args: Arguments): void {
  if (args.values.json) print(JSON.stringify(clusters));
  else if (clusters.length === 0) printError(noCluster(args));
  else for (const cluster of clusters) print(table(cluster));
}

const heads = ['worker', 'pid', 'state', 'up', 'heartbeat', 'memory', 'busy', 'in flight'];

function table(cluster: ClusterStatus): string {
  const { pid, name, script, uptimeMs, target, ready, deaths, workers } = cluster;
  const doing = cluster.stopping ? ', stopping' : cluster.reloading ? ', reloading' : '';
  const title = name === null ? printable(String(pid)) : `${printable(name)} (${pid})`;
  const readiness = paint(ready >= target ? 'green' : 'red', `${ready} of ${target} ready`);
  const [head, ...lines] = alignColumns(
    [heads, ...workers.map((worker) => row(worker).map(printable))],
    () => false,
  );
  return [
    `cluster ${paint('bold', title)}  ${printable(script)}  up ${duration(uptimeMs)}  ${readiness}  ${deaths} died${doing}`,
    `  ${paint('dim', head ?? '')}`,
    ...lines.map((line) => `  ${line}`),
  ].join('\n');
}

function row(worker: WorkerStatus): string[] {
  const { id, pid, state, uptimeMs, beatAgeMs, rssBytes, utilization, inFlight } = worker;
  return [
    String(id),
    String(pid),
    state,
    duration(uptimeMs),
    beatAgeMs === null ? '–' : `${duration(beatAgeMs)} ago`,
    rssBytes === null ? '–' : `${Math.round(rssBytes / 2 ** 20)} MB`,
    utilization === null ? '–' : `${Math.round(utilization * 100)} %`,
    inFlight === null ? '–' : String(inFlight),
  ];
}
