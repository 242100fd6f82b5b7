import { readdirSync } from 'node:fs';
import path from 'node:path';
import type { StaticDirectory } from '../../deploy/deployment-facts.js';
import { attempt } from '../../support/attempt.js';

const mostEntries = 2000;
const mostPaths = 8;
/** A hash of the content in the name of a file, as bundlers write it. It has a digit, which a word has not. */
export const fingerprinted =
  /[.-](?=[\da-zA-Z_]*\d)[\da-zA-Z_]{8,32}\.(?:[cm]?js|css|woff2?|png|jpe?g|webp|avif|svg)$/;

/** URLs of some files that the app serves: of each directory one with a hash in its name, and one without. */
export function staticPaths(directories: readonly StaticDirectory[]): string[] {
  return directories
    .flatMap(({ path: mounted, directory }) => {
      const files = filesBelow(directory);
      const chosen = [
        files.find((file) => fingerprinted.test(file)),
        files.find(
          (file) => /\.(?:css|[cm]?js|png|jpe?g|svg|txt|html)$/.test(file) && !fingerprinted.test(file),
        ),
      ];
      return chosen.flatMap((file) => (file === undefined ? [] : [urlOf(mounted, file)]));
    })
    .slice(0, mostPaths);
}

function filesBelow(directory: string): string[] {
  const files: string[] = [];
  const waiting = ['.'];
  for (let next = waiting.shift(); next !== undefined && files.length < mostEntries; next = waiting.shift()) {
    const below = next;
    const entries = attempt(() => readdirSync(path.join(directory, below), { withFileTypes: true }), []);
    for (const entry of entries.sort((one, two) => (one.name < two.name ? -1 : 1))) {
      const name = path.posix.join(below, entry.name);
      if (entry.name.startsWith('.') || entry.name === 'node_modules') continue;
      if (entry.isFile()) files.push(name);
      if (entry.isDirectory() && waiting.length < 100) waiting.push(name);
    }
  }
  return files;
}

const urlOf = (mounted: string, file: string): string =>
  `${mounted.replace(/\/$/, '')}/${file.split('/').map(encodeURIComponent).join('/')}`;
