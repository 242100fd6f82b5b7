import {
  accessSync,
  constants,
  lstatSync,
  mkdirSync,
  readdirSync,
  readlinkSync,
  realpathSync,
  renameSync,
  rmSync,
  symlinkSync,
} from 'node:fs';
import path from 'node:path';
import { attempt } from '../../support/attempt.js';
import { CommandError } from '../command.js';
import { type ReleaseRecord, type ReleaseState, readRecords, writeRecord } from './release-records.js';

/** A directory to which releases are deployed: `releases/<id>`, the link `current`, and `shared`. */
export class ReleaseTarget {
  readonly directory: string;
  readonly releases: string;

  constructor(directory: string) {
    this.directory = attempt(() => realpathSync(directory)) ?? path.resolve(directory);
    this.releases = path.join(this.directory, 'releases');
  }

  /** A target whose directories exist. */
  static make(directory: string): ReleaseTarget {
    try {
      mkdirSync(path.join(directory, 'releases'), { recursive: true });
      accessSync(directory, constants.W_OK);
    } catch (error) {
      throw new CommandError(
        `${directory} cannot be written: ${(error as Error).message}. Nothing was changed.`,
      );
    }
    return new ReleaseTarget(directory);
  }

  /** The link to the release that is started. */
  get link(): string {
    return path.join(this.directory, 'current');
  }

  /** The id of the release to which the link points. */
  get current(): string | undefined {
    const stat = attempt(() => lstatSync(this.link));
    if (stat === undefined) return undefined;
    if (!stat.isSymbolicLink()) {
      throw new CommandError(
        `${this.link} is not a link. Move it away: a deployment makes a link of this name.`,
      );
    }
    return path.basename(readlinkSync(this.link));
  }

  records(): ReleaseRecord[] {
    return readRecords(this.releases);
  }

  record(id: string): ReleaseRecord | undefined {
    return this.records().find((record) => record.id === id);
  }

  setState(id: string, state: ReleaseState, reason?: string): void {
    const { reason: _, ...record } = this.record(id) as ReleaseRecord;
    writeRecord(this.releases, { ...record, state, ...(reason !== undefined && { reason }) });
  }

  directoryOf(id: string): string {
    return path.join(this.releases, id);
  }

  /** Points the link to a release in one step, or removes it. */
  moveLink(id: string | undefined): void {
    if (id === undefined) {
      rmSync(this.link, { force: true });
      return;
    }
    const next = path.join(this.directory, '.current.new');
    rmSync(next, { force: true });
    symlinkSync(path.join('releases', id), next);
    renameSync(next, this.link);
  }

  /** Links the entries of `shared` into a release, except those that the release has itself. */
  linkShared(release: string): void {
    const shared = path.join(this.directory, 'shared');
    for (const name of attempt(() => readdirSync(shared), [])) {
      if (attempt(() => lstatSync(path.join(release, name))) === undefined) {
        symlinkSync(path.join('../../shared', name), path.join(release, name));
      }
    }
  }

  /** Removes all but the last deployed releases, except those of `inUse` and the current one. Returns their ids. */
  prune(keep: number, inUse: readonly string[]): string[] {
    const current = this.current;
    const old = this.records()
      .slice(keep)
      .map(({ id }) => id)
      .filter((id) => id !== current && !inUse.includes(id));
    for (const id of old) {
      rmSync(this.directoryOf(id), { recursive: true, force: true });
      rmSync(path.join(this.releases, `${id}.json`), { force: true });
    }
    return old;
  }
}
