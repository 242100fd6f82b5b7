import { stripVTControlCharacters } from 'node:util';
import type { ClusterStatus, WorkerStatus } from '../process/cluster/control-protocol.js';
import { type Command, exitCodes, print } from './command.js';
import { clusterOptions, clusterOptionsHelp, clustersOf, noMore } from './running-cluster.js';

export const status: Command = {
  summary: 'print the state of all workers',
  usage: `[options]

Exit code 0 when every cluster has all its workers ready, 1 when one has not or none runs.

  --json                one JSON array, an object for each cluster
${clusterOptionsHelp}`,
  options: { ...clusterOptions, json: { type: 'boolean' } },
  async run(args) {
    noMore(args.positionals);
    const clusters = (await clustersOf(args)).map((cluster) => cluster.status);
    if (args.values.json) print(JSON.stringify(clusters));
    else if (clusters.length === 0) process.stderr.write('no cluster of this user is running\n');
    else for (const cluster of clusters) print(table(cluster));
    const allReady = clusters.length > 0 && clusters.every(({ ready, target }) => ready >= target);
    return allReady ? exitCodes.done : exitCodes.failed;
  },
};

const heads = ['worker', 'pid', 'state', 'up', 'heartbeat', 'memory', 'busy', 'in flight'];

function table({ pid, script, uptimeMs, target, ready, deaths, workers, ...flags }: ClusterStatus): string {
  const doing = flags.stopping ? ', stopping' : flags.reloading ? ', reloading' : '';
  const rows = [heads, ...workers.map(row)];
  const widths = heads.map((_, column) => Math.max(...rows.map((cells) => (cells[column] as string).length)));
  const lines = rows.map(
    (cells) => `  ${cells.map((cell, i) => cell.padEnd(widths[i] as number)).join('  ')}`,
  );
  const name = stripVTControlCharacters(script).replace(/\p{Cc}/gu, '?');
  return [
    `cluster ${pid}  ${name}  up ${duration(uptimeMs)}  ${ready} of ${target} ready  ${deaths} died${doing}`,
    ...lines.map((line) => line.trimEnd()),
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

function duration(ms: number): string {
  const seconds = ms / 1000;
  if (seconds < 10) return `${seconds.toFixed(1)} s`;
  if (seconds < 120) return `${Math.round(seconds)} s`;
  if (seconds < 7200) return `${Math.round(seconds / 60)} min`;
  if (seconds < 172_800) return `${Math.round(seconds / 3600)} h`;
  return `${Math.round(seconds / 86_400)} d`;
}
