import {
  chmodSync,
  cpSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  renameSync,
  rmSync,
} from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { projectOf } from '../../deploy/facts/project-facts.js';
import { nearestPackageFile } from '../../deploy/package-files.js';
import { CommandError } from '../command.js';
import { writeArchive } from './archive-writer.js';
import { copyPackages } from './copied-packages.js';
import { installPackages } from './installed-packages.js';
import { type Manifest, releaseId, writeManifest } from './manifest.js';
import { projectFiles } from './project-files.js';
import { hashOf } from './release-hash.js';
import { staysInside } from './release-tree.js';

export interface PackOptions {
  /** The absolute path of the script of the app. */
  readonly script: string;
  /** Paths that git does not track, and secrets, that are part of the release. */
  readonly include: readonly string[];
  /** Copies the installed packages instead of installing them. */
  readonly offline: boolean;
}

export interface Packed {
  readonly manifest: Manifest;
  /** Secrets and links out of the project, which are not part of the release. */
  readonly leftOut: readonly string[];
}

/** Writes a release into an empty directory: the files of the project, its production dependencies, and the manifest. */
export async function packInto(release: string, { script, include, offline }: PackOptions): Promise<Packed> {
  const { directory: project, facts } = projectOf(script);
  const { content } = nearestPackageFile(project) ?? {};
  if (content === undefined) throw new CommandError(`There is no package.json in ${project} or above.`);
  const { files, leftOut } = projectFiles(project, include);
  const relative = path.relative(project, script).split(path.sep).join('/');
  const lostLinks = copyFiles(project, release, files);
  if (!existsSync(path.join(release, relative))) {
    throw new CommandError(
      `The script ${relative} is not in the release, because git does not track it. --include ${relative.split('/')[0]} adds it.`,
    );
  }
  if (offline) copyPackages(project, release);
  else if (hasDependencies(content)) await installPackages(project, release, facts);
  const time = new Date().toISOString();
  const description = {
    name: facts.name,
    version: typeof content.version === 'string' ? content.version : '0.0.0',
    time,
    node: process.versions.node.split('.')[0] as string,
    platform: `${process.platform}-${process.arch}`,
    script: relative,
  };
  const hash = hashOf(release, description);
  const manifest = { id: releaseId(time, hash), ...description, hash };
  writeManifest(release, manifest);
  return { manifest, leftOut: [...leftOut, ...lostLinks] };
}

/** Copies files, and links whose targets are in the release, too. Returns the other links. */
function copyFiles(project: string, release: string, files: readonly string[]): string[] {
  for (const file of files) {
    const target = path.join(release, file);
    mkdirSync(path.dirname(target), { recursive: true });
    cpSync(path.join(project, file), target, { verbatimSymlinks: true });
  }
  const links = files.filter((file) => lstatSync(path.join(release, file)).isSymbolicLink());
  const lost = links.filter((link) => !staysInside(release, link));
  for (const link of lost) rmSync(path.join(release, link));
  return lost;
}

function hasDependencies({ dependencies, optionalDependencies }: Readonly<Record<string, unknown>>): boolean {
  return Object.keys({ ...Object(dependencies), ...Object(optionalDependencies) }).length > 0;
}

/** Packs a release into a directory or an archive below `out`, and returns its path. */
export async function packTo(
  out: string,
  asDirectory: boolean,
  options: PackOptions,
): Promise<Packed & { readonly file: string }> {
  const isFile = out.endsWith('.tgz');
  const parent = isFile ? path.dirname(out) : out;
  mkdirSync(parent, { recursive: true });
  // a directory is renamed to its place, so it begins in the same file system
  const work = mkdtempSync(asDirectory ? path.join(parent, '.release-') : path.join(os.tmpdir(), 'release-'));
  chmodSync(work, 0o755);
  try {
    const packed = await packInto(work, options);
    const { id, name, time } = packed.manifest;
    const file = isFile ? out : path.join(parent, `${name}-${id}${asDirectory ? '' : '.tgz'}`);
    if (asDirectory) renameSync(work, file);
    else await writeArchive(work, file, new Date(time));
    return { ...packed, file };
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}
