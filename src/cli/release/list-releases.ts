import path from 'node:path';
import { type Arguments, CommandError, exitCodes } from '../command.js';
import { alignColumns, print } from '../output.js';
import { onlyTarget } from './deploy-release.js';
import { remoteFlags } from './release-flags.js';
import type { ReleaseRecord } from './release-records.js';
import { ReleaseTarget } from './release-target.js';
import { runCurrent } from './remote.js';
import { remoteTarget } from './remote-target.js';

/** `release list`. */
export async function listReleases(args: Arguments): Promise<number> {
  const given = onlyTarget('list', args);
  const remote = remoteTarget(given);
  if (remote) {
    const node = (args.values.node as string | undefined) ?? 'node';
    return runCurrent(remote, node, 'list', remoteFlags('list', args));
  }
  const target = new ReleaseTarget(path.resolve(given));
  const { current } = target;
  const records = target.records();
  if (args.values.json) {
    print(JSON.stringify(records.map((record) => ({ ...record, current: record.id === current }))));
    return exitCodes.done;
  }
  if (records.length === 0) throw new CommandError(`${target.directory} has no releases.`);
  const rows = records.map((record) => [
    record.id,
    record.version,
    record.deployed.replace(/\.\d+/, ''),
    stateOf(record, current),
  ]);
  for (const line of alignColumns([['release', 'version', 'deployed', 'state'], ...rows], () => false))
    print(line);
  return exitCodes.done;
}

function stateOf({ id, state, reason }: ReleaseRecord, current: string | undefined): string {
  if (state === 'broken') return `broken: ${reason}`;
  if (id === current) return state === 'starting' ? 'current, not yet ready or interrupted' : 'current';
  return state === 'starting' ? 'interrupted' : '';
}
