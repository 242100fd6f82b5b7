import { readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { attempt } from '../../support/attempt.js';
import { isReleaseId, type Manifest } from './manifest.js';

/** `starting`: the deployment has not ended, or was killed. `broken`: its workers did not become ready. */
export type ReleaseState = 'starting' | 'deployed' | 'broken';

/** What a target stores about one of its releases, beside its directory. */
export interface ReleaseRecord extends Manifest {
  /** When it was deployed, in ISO 8601. */
  readonly deployed: string;
  readonly state: ReleaseState;
  /** Why it is broken. */
  readonly reason?: string;
}

/** The records in a directory, the last deployed first. */
export function readRecords(directory: string): ReleaseRecord[] {
  const names = attempt(() => readdirSync(directory), []);
  return names
    .filter((name) => name.endsWith('.json') && isReleaseId(name.slice(0, -5)))
    .flatMap((name): ReleaseRecord[] => {
      const record = attempt(() => JSON.parse(readFileSync(path.join(directory, name), 'utf8')));
      return typeof record?.deployed === 'string' ? [record] : [];
    })
    .sort((a, b) => b.deployed.localeCompare(a.deployed));
}

/** Writes a record. A reader sees the old one or the new one, never a part. */
export function writeRecord(directory: string, record: ReleaseRecord): void {
  const file = path.join(directory, `${record.id}.json`);
  try {
    writeFileSync(`${file}.new`, `${JSON.stringify(record, undefined, 2)}\n`);
    renameSync(`${file}.new`, file);
  } finally {
    rmSync(`${file}.new`, { force: true });
  }
}
