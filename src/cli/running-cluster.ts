import { ask, type FoundCluster, findClusters } from '../process/cluster/control-client.js';
import type { ControlRequest } from '../process/cluster/control-protocol.js';
import { maxInt32 } from '../support/options.js';
import { type Arguments, exitCodes, print, UsageError, wholeNumber } from './command.js';

/** The options by which a command names the cluster it means. */
export const clusterOptions = {
  pid: { type: 'string' },
  'runtime-dir': { type: 'string' },
} as const;

export const clusterOptionsHelp = `  --pid <pid>           the cluster with this primary, where several run
  --runtime-dir <dir>   where its control socket is`;

/** The clusters of this user, or the one that was named. */
export async function clustersOf({ values }: Arguments): Promise<FoundCluster[]> {
  const all = await findClusters(values['runtime-dir'] as string | undefined);
  if (values.pid === undefined) return all;
  const pid = wholeNumber('--pid', values.pid as string, maxInt32);
  return all.filter(({ status }) => status.pid === pid);
}

/** Sends a request to the one cluster that runs, or that was named, and prints what it answers. */
export async function command(args: Arguments, request: ControlRequest): Promise<number> {
  const [found, ...others] = await clustersOf(args);
  if (found === undefined) {
    process.stderr.write('no cluster of this user is running\n');
    return exitCodes.failed;
  }
  if (others.length > 0) {
    const pids = [found, ...others].map(({ status }) => `${status.pid} (${status.script})`);
    throw new UsageError(`several clusters run, name one by --pid: ${pids.join(', ')}`);
  }
  const answer = await ask(found.socket, request);
  if (answer.ok) print(answer.message);
  else process.stderr.write(`${answer.message}\n`);
  return answer.ok ? exitCodes.done : exitCodes.failed;
}

/** Commands other than `start` and `scale` take no words of their own. */
export function noMore(positionals: readonly string[]): void {
  if (positionals.length > 0) throw new UsageError(`unexpected argument ${JSON.stringify(positionals[0])}`);
}
