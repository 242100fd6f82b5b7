import { createHash, type Hash } from 'node:crypto';
import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import path from 'node:path';
import { CommandError } from '../command.js';
import { type Description, type Manifest, manifestFile, readManifest, releaseId } from './manifest.js';
import { staysInside, treeOf } from './release-tree.js';

/**
 * The hash of a release: SHA-256 over the fields of its manifest and over the path, the kind, the permission to execute
 * and the content of each file. A link that leaves the release is an error.
 */
export function hashOf(directory: string, description: Description): string {
  const { name, version, time, node, platform, script } = description;
  const hash = createHash('sha256');
  hash.update(`${JSON.stringify([name, version, time, node, platform, script])}\n`);
  const buffer = Buffer.allocUnsafe(256 * 1024);
  for (const { path: relative, link } of treeOf(directory, (at) => at === manifestFile)) {
    if (link === undefined) {
      const { mode, content } = hashOfFile(path.join(directory, relative), buffer);
      hash.update(`${JSON.stringify([relative, (mode & 0o100) !== 0 ? 'program' : 'file', content])}\n`);
    } else {
      if (!staysInside(directory, relative)) {
        throw new CommandError(
          `The link ${JSON.stringify(relative)} leads out of the release, or its target is missing.`,
        );
      }
      hash.update(`${JSON.stringify([relative, 'link', link])}\n`);
    }
  }
  return hash.digest('hex');
}

function hashOfFile(file: string, buffer: Buffer): { mode: number; content: string } {
  const descriptor = openSync(file, 'r');
  try {
    const hash: Hash = createHash('sha256');
    for (let read = -1; read !== 0; ) {
      read = readSync(descriptor, buffer);
      hash.update(buffer.subarray(0, read));
    }
    return { mode: fstatSync(descriptor).mode, content: hash.digest('hex') };
  } finally {
    closeSync(descriptor);
  }
}

/** Reads the manifest of a release and verifies its hash. */
export function verifiedManifest(directory: string): Manifest {
  const manifest = readManifest(directory);
  const hash = hashOf(directory, manifest);
  if (hash === manifest.hash && releaseId(manifest.time, hash) === manifest.id) return manifest;
  throw new CommandError(
    `The files of release ${manifest.id} are not those that were packed: the hash is ${hash}, and ${manifestFile} has ${manifest.hash}.`,
  );
}
