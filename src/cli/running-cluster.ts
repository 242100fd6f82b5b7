import { type FoundCluster, findClusters, sendRequest } from '../process/cluster/control-client.js';
import type { ClusterStatus, ControlRequest } from '../process/cluster/control-protocol.js';
import { maxInt32 } from '../support/options.js';
import {
  type Arguments,
  type Command,
  exitCodes,
  jsonOption,
  onlyArgument,
  UsageError,
  wholeNumber,
  workerCount,
} from './command.js';
import { program } from './help.js';
import { print, printError } from './output.js';

/** The options that select a running cluster. */
export const clusterOptions = {
  name: { type: 'string', value: '<name>', help: 'the cluster that was started with this --name' },
  pid: { type: 'string', value: '<pid>', help: 'the cluster whose primary has this process id' },
  'runtime-dir': { type: 'string', value: '<dir>', help: 'the directory of the control socket' },
  json: jsonOption,
} as const;

/** The clusters of this user, or those that the options select. */
export async function clustersOf({ values }: Arguments): Promise<FoundCluster[]> {
  const all = await findClusters(values['runtime-dir'] as string | undefined);
  const pid = values.pid === undefined ? undefined : wholeNumber('--pid', values.pid as string, maxInt32);
  return all.filter(
    ({ status }) => status.pid === (pid ?? status.pid) && status.name === (values.name ?? status.name),
  );
}

/** Sends a request to the only running cluster, or to the one that the options select, and prints the response. */
async function command(args: Arguments, request: ControlRequest): Promise<number> {
  const [found, ...others] = await clustersOf(args);
  if (others.length > 0) {
    const names = [found as FoundCluster, ...others].map(({ status }) => describe(status));
    throw new UsageError(`several clusters run, name one by --pid or --name: ${names.join(', ')}`);
  }
  const response = found ? await sendRequest(found.socket, request) : { ok: false, message: noCluster(args) };
  if (args.values.json) print(JSON.stringify(response));
  else if (response.ok) print(response.message);
  else printError(response.message);
  return response.ok ? exitCodes.done : exitCodes.failed;
}

/** The message when no running cluster is found. */
export function noCluster({ values }: Arguments): string {
  const { USER, LOGNAME, USERNAME } = process.env;
  const user = process.getuid?.() === 0 ? 'root' : (USER ?? LOGNAME ?? USERNAME ?? 'this user');
  const which =
    values.name !== undefined
      ? ` with the name ${JSON.stringify(values.name)}`
      : values.pid !== undefined
        ? ` with the process id ${values.pid}`
        : '';
  return `No cluster of ${user}${which} is running. Start one: ${program} start app.js`;
}

function describe({ pid, name, script }: ClusterStatus): string {
  return `${pid} (${name === null ? '' : `${name}, `}${script})`;
}

export const reload: Command = {
  summary: 'replace all workers one by one, without losing a request',
  synopsis: '[options]',
  description: `Returns when all workers are replaced. When a new worker does not become ready, the old workers continue to serve, the
reason is printed, and the exit code is 1. SIGHUP to the primary does the same.`,
  options: clusterOptions,
  examples: ['reload', 'reload --name web'],
  run(args) {
    noMore('reload', args.positionals);
    return command(args, { command: 'reload' });
  },
};

export const scale: Command = {
  summary: 'change the number of workers',
  synopsis: '<workers|max> [options]',
  description: `Forks the missing workers, or drains the surplus, the youngest first. \`max\` stands for the CPUs available to the
cluster.`,
  options: clusterOptions,
  examples: ['scale 4', 'scale max --name web'],
  run(args) {
    const workers = workerCount('scale', onlyArgument('scale', 'the number of workers', args));
    return command(args, { command: 'scale', workers });
  },
};

export const stop: Command = {
  summary: 'drain all workers and exit',
  synopsis: '[options]',
  description: 'Returns when the cluster has begun to drain. SIGTERM to the primary does the same.',
  options: clusterOptions,
  examples: ['stop', 'stop --name web'],
  run(args) {
    noMore('stop', args.positionals);
    return command(args, { command: 'stop' });
  },
};

/** Throws a UsageError for further arguments. */
export function noMore(name: string, positionals: readonly string[]): void {
  if (positionals.length > 0) {
    throw new UsageError(`${name}: unexpected argument ${JSON.stringify(positionals[0])}`);
  }
}
