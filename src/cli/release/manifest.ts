import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { attempt } from '../../support/attempt.js';
import { CommandError } from '../command.js';

/** The file in a release that describes it. */
export const manifestFile = '.release.json';

/** What a release consists of. */
export interface Manifest {
  /** The time of the pack and the begin of the hash. It sorts by time. */
  readonly id: string;
  readonly name: string;
  readonly version: string;
  /** When it was packed, in ISO 8601. */
  readonly time: string;
  /** The line of Node that packed it, such as `20`. */
  readonly node: string;
  /** The platform and processor of its compiled packages, such as `linux-x64`. */
  readonly platform: string;
  /** The script of the app, relative to the release. */
  readonly script: string;
  /** SHA-256 over the other fields and all files, in hexadecimal. */
  readonly hash: string;
}

/** The fields of a manifest that the hash covers. */
export type Description = Omit<Manifest, 'id' | 'hash'>;

const idPattern = /^\d{8}T\d{6}Z-[\da-f]{8}$/;

export const isReleaseId = (text: string): boolean => idPattern.test(text);

export function releaseId(time: string, hash: string): string {
  return `${time.replace(/[-:]|\.\d+/g, '')}-${hash.slice(0, 8)}`;
}

export function writeManifest(directory: string, manifest: Manifest): void {
  writeFileSync(path.join(directory, manifestFile), `${JSON.stringify(manifest, undefined, 2)}\n`);
}

/** Reads the manifest of a release. Its fields are checked, because they become names of files. */
export function readManifest(directory: string): Manifest {
  const text = attempt(() => readFileSync(path.join(directory, manifestFile), 'utf8'));
  if (text === undefined) {
    throw new CommandError(
      `${JSON.stringify(directory)} is not a release: it has no ${manifestFile}. \`release pack\` makes one.`,
    );
  }
  const given = Object(attempt(() => JSON.parse(text))) as Record<keyof Manifest, unknown>;
  const fields = ['id', 'name', 'version', 'time', 'node', 'platform', 'script', 'hash'] as const;
  const wrong = fields.find((field) => typeof given[field] !== 'string');
  const manifest = given as Manifest;
  if (wrong !== undefined || !isReleaseId(manifest.id) || !/^[\da-f]{64}$/.test(manifest.hash)) {
    throw new CommandError(
      `${JSON.stringify(directory)} is not a release: its ${manifestFile} has no valid ${wrong ?? 'id'}.`,
    );
  }
  return manifest;
}
