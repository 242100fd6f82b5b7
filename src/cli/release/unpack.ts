import { cpSync, mkdirSync, renameSync, rmSync, statSync } from 'node:fs';
import path from 'node:path';
import { attempt } from '../../support/attempt.js';
import { CommandError } from '../command.js';
import { unpackArchive } from './archive-reader.js';
import { type Manifest, readManifest } from './manifest.js';
import { verifiedManifest } from './release-hash.js';
import { writeRecord } from './release-records.js';
import type { ReleaseTarget } from './release-target.js';

/**
 * Places a release into a target and verifies its hash. The release has its name when all of it is there. A release in
 * `incoming` of the target is moved, others are copied. A failure leaves nothing.
 */
export async function unpackInto(target: ReleaseTarget, source: string): Promise<Manifest> {
  const isDirectory = attempt(() => statSync(source))?.isDirectory();
  if (isDirectory === undefined) throw new CommandError(`There is no release ${JSON.stringify(source)}.`);
  if (isDirectory) readManifest(source);
  const work = path.join(target.releases, '.new');
  try {
    rmSync(work, { recursive: true, force: true });
    if (!isDirectory) {
      mkdirSync(work);
      await unpackArchive(source, work);
    } else if (path.dirname(path.resolve(source)) === path.join(target.directory, 'incoming')) {
      renameSync(source, work);
    } else cpSync(source, work, { recursive: true, verbatimSymlinks: true });
    const manifest = verifiedManifest(work);
    place(target, work, manifest);
    return manifest;
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === undefined && !(error instanceof CommandError)) throw error;
    throw new CommandError(`${message} Nothing was changed.`);
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

function place(target: ReleaseTarget, work: string, manifest: Manifest): void {
  const { id } = manifest;
  // the files of a known release may be in use, and they are the same
  if (target.record(id) === undefined) {
    target.linkShared(work);
    rmSync(target.directoryOf(id), { recursive: true, force: true });
    renameSync(work, target.directoryOf(id));
  }
  writeRecord(target.releases, { ...manifest, deployed: new Date().toISOString(), state: 'starting' });
}
