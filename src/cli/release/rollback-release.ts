import path from 'node:path';
import { type Arguments, CommandError } from '../command.js';
import { activate } from './activation.js';
import { withLock } from './deploy-lock.js';
import { onlyTarget, report, startLimit } from './deploy-release.js';
import { remoteFlags } from './release-flags.js';
import type { ReleaseRecord } from './release-records.js';
import { ReleaseTarget } from './release-target.js';
import { reloadingOf } from './reloading.js';
import { runCurrent } from './remote.js';
import { remoteTarget } from './remote-target.js';

/** `release rollback`. */
export async function rollbackRelease(args: Arguments): Promise<number> {
  const { values } = args;
  const given = onlyTarget('rollback', args);
  const startMs = startLimit(args);
  const remote = remoteTarget(given);
  if (remote) {
    const node = (values.node as string | undefined) ?? 'node';
    return runCurrent(remote, node, 'rollback', remoteFlags('rollback', args));
  }
  const target = new ReleaseTarget(path.resolve(given));
  releaseBefore(target, values.to as string | undefined);
  const result = await withLock(target.directory, async () => {
    const reloading = await reloadingOf(target, args, startMs);
    const record = releaseBefore(target, values.to as string | undefined);
    return activate(target, record, reloading, target.records().length);
  });
  return report(target, result, values.json === true);
}

/** The named release, or the last one that was deployed before the current one and was not broken. */
function releaseBefore(target: ReleaseTarget, id: string | undefined): ReleaseRecord {
  const records = target.records();
  if (id !== undefined) {
    const named = records.find((record) => record.id === id);
    if (named) return named;
    const ids = records.map((record) => record.id).join(', ');
    throw new CommandError(
      `${target.directory} has no release ${JSON.stringify(id)}${ids && `, only ${ids}`}.`,
    );
  }
  const current = target.current;
  const at = records.findIndex((record) => record.id === current);
  const before = at < 0 ? undefined : records.slice(at + 1).find(({ state }) => state === 'deployed');
  if (before) return before;
  throw new CommandError(`${target.directory} has no release before ${current ?? 'the current one'}.`);
}
