import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { maxInt32 } from '../../support/options.js';
import { type Arguments, exitCodes, onlyArgument, UsageError, wholeNumber } from '../command.js';
import { print, printError } from '../output.js';
import { type Activation, activate } from './activation.js';
import { withLock } from './deploy-lock.js';
import type { Manifest } from './manifest.js';
import { packInto } from './pack.js';
import { packOptions, reportLeftOut } from './pack-release.js';
import { remoteFlags } from './release-flags.js';
import { ReleaseTarget } from './release-target.js';
import { reloadingOf } from './reloading.js';
import { deployRemotely } from './remote.js';
import { remoteTarget } from './remote-target.js';
import { unpackInto } from './unpack.js';

const defaultKeep = 5;

/** `release deploy`. */
export async function deployRelease(args: Arguments): Promise<number> {
  const { values, positionals } = args;
  const [given, source, extra] = positionals;
  if (given === undefined) throw new UsageError('release deploy: expected a target');
  if (extra !== undefined)
    throw new UsageError(`release deploy: unexpected argument ${JSON.stringify(extra)}`);
  const keep = values.keep === undefined ? defaultKeep : wholeNumber('--keep', values.keep as string, 1000);
  const startMs = startLimit(args);
  const remote = remoteTarget(given);
  return withRelease(source, args, async (release) => {
    if (remote) {
      const node = (values.node as string | undefined) ?? 'node';
      return deployRemotely(remote, node, release, remoteFlags('deploy', args));
    }
    const target = ReleaseTarget.make(path.resolve(given));
    const result = await withLock(target.directory, async () => {
      // what would stop the deployment later stops it before anything has changed
      const reloading = await reloadingOf(target, args, startMs);
      void target.current;
      const manifest = await unpackInto(target, release);
      warnOfPlatform(manifest);
      return activate(target, manifest, reloading, keep);
    });
    return report(target, result, values.json === true);
  });
}

/** Passes the given release on, or packs the project in the working directory. */
async function withRelease(
  source: string | undefined,
  args: Arguments,
  work: (release: string) => Promise<number>,
): Promise<number> {
  if (source !== undefined) {
    if (args.values.include !== undefined || args.values.offline === true) {
      throw new UsageError('release deploy: --include and --offline are for a release that is packed now');
    }
    return work(path.resolve(source));
  }
  const release = mkdtempSync(path.join(os.tmpdir(), 'release-'));
  try {
    reportLeftOut(await packInto(release, packOptions(args, [])));
    return await work(release);
  } finally {
    rmSync(release, { recursive: true, force: true });
  }
}

/** The option --seconds in milliseconds. */
export function startLimit({ values }: Arguments): number | undefined {
  if (values.seconds === undefined) return undefined;
  return wholeNumber('--seconds', values.seconds as string, Math.floor(maxInt32 / 1000)) * 1000;
}

function warnOfPlatform({ node, platform }: Manifest): void {
  const here = [process.versions.node.split('.')[0], `${process.platform}-${process.arch}`];
  if (node === here[0] && platform === here[1]) return;
  printError(
    `warning: the release was packed with Node ${node} on ${platform}, and this is Node ${here.join(' on ')}: compiled packages may not load`,
  );
}

/** Prints the result of a deployment or a rollback. */
export function report(target: ReleaseTarget, result: Activation, json: boolean): number {
  const { ok, id, name, version, current, cluster, reason } = result;
  if (json) print(JSON.stringify(result));
  else if (ok) {
    print(`${id} (${name} ${version}) is the current release of ${target.directory}: ${effects[cluster]}`);
    if (cluster === 'none') {
      print(`Start it: express-productionize start ${path.join(target.link, result.script)}`);
    }
  } else {
    printError(`${id} (${name} ${version}) is broken: ${reason}`);
    printError(current === null ? 'There is no current release.' : `The current release is ${current}.`);
  }
  return ok ? exitCodes.done : exitCodes.failed;
}

const effects = {
  reloaded: 'the workers were replaced',
  started: 'the cluster was started',
  none: 'no cluster runs from there',
} as const;

/** The target of a rollback or a list. */
export function onlyTarget(action: string, args: Arguments): string {
  return onlyArgument(`release ${action}`, 'a target', args);
}
