import { setTimeout as delay } from 'node:timers/promises';
import { type FoundCluster, findClusters, sendRequest } from '../process/cluster/control-client.js';
import type { ClusterStatus, ControlRequest, ControlResponse } from '../process/cluster/control-protocol.js';
import { maxInt32 } from '../support/options.js';
import { type Arguments, exitCodes, jsonOption, UsageError, wholeNumber } from './command.js';
import { program } from './help.js';
import { print, printError } from './output.js';

/** The options that select a running cluster. */
export const clusterOptions = {
  name: { type: 'string', value: '<name>', help: 'the cluster that was started with this --name' },
  pid: { type: 'string', value: '<pid>', help: 'the cluster whose primary has this process id' },
  'runtime-dir': { type: 'string', value: '<dir>', help: 'the directory of the control socket' },
  on: {
    type: 'string',
    value: '<hosts>',
    multiple: true,
    help: 'run it on other hosts, by your ssh: user@host,user@host:directory,local',
  },
  'remote-node': { type: 'string', value: '<path>', help: '--on: the node of a directory; default: node' },
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

export const everyOption = {
  type: 'string',
  value: '<s>',
  help: 'print the state again each time after these seconds, until it is interrupted',
} as const;

/** The milliseconds of `--every`. */
export function everyMsOf({ values }: Arguments): number | undefined {
  return values.every === undefined ? undefined : wholeNumber('--every', values.every as string, 3600) * 1000;
}

/** The states of the selected clusters, one after the other. */
export async function* clusterStates(
  args: Arguments,
  everyMs: number,
  signal?: AbortSignal,
): AsyncGenerator<readonly ClusterStatus[]> {
  for (;;) {
    yield (await clustersOf(args)).map(({ status }) => status);
    await delay(everyMs, undefined, { signal });
  }
}

export const workerOption = {
  type: 'string',
  value: '<n>',
  help: 'only the worker with this number',
} as const;

/** The only running cluster, or the one that the options select. Throws a UsageError for several. */
export async function onlyCluster(args: Arguments): Promise<FoundCluster | undefined> {
  const [found, ...others] = await clustersOf(args);
  if (others.length > 0) {
    const names = [found as FoundCluster, ...others].map(({ status }) => describe(status));
    throw new UsageError(`several clusters run, name one by --pid or --name: ${names.join(', ')}`);
  }
  return found;
}

/** Sends a request to the only running cluster, or to the one that the options select. */
export async function requestOf(args: Arguments, request: ControlRequest): Promise<ControlResponse> {
  const found = await onlyCluster(args);
  return found ? sendRequest(found.socket, request) : { ok: false, message: noCluster(args) };
}

/** Sends a request to the cluster, and prints the response. */
export async function command(args: Arguments, request: ControlRequest): Promise<number> {
  const response = await requestOf(args, request);
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

/** Throws a UsageError for further arguments. */
export function noMore(name: string, positionals: readonly string[]): void {
  if (positionals.length > 0) {
    throw new UsageError(`${name}: unexpected argument ${JSON.stringify(positionals[0])}`);
  }
}
