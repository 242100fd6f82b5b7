import { type Dirent, readdirSync, readlinkSync, realpathSync } from 'node:fs';
import path from 'node:path';
import { attempt } from '../../support/attempt.js';
import { CommandError } from '../command.js';

/** A file or a symbolic link in a directory. */
export interface TreeEntry {
  /** Its path relative to the directory, with slashes. */
  readonly path: string;
  /** The text of a symbolic link; `undefined` for a file. */
  readonly link?: string;
}

/**
 * Lists the files and links below a directory, sorted by the bytes of their paths. Links are not followed. Directories of
 * which `skip` returns true are not entered.
 */
export function treeOf(
  root: string,
  skip: (relative: string, entry: Dirent) => boolean = () => false,
): TreeEntry[] {
  const found: TreeEntry[] = [];
  const visit = (directory: string): void => {
    for (const entry of readdirSync(path.join(root, directory), { withFileTypes: true })) {
      const relative = directory === '' ? entry.name : `${directory}/${entry.name}`;
      if (skip(relative, entry)) continue;
      if (entry.isDirectory()) visit(relative);
      else if (entry.isFile()) found.push({ path: relative });
      else if (entry.isSymbolicLink()) {
        found.push({ path: relative, link: readlinkSync(path.join(root, relative)) });
      } else {
        throw new CommandError(`${JSON.stringify(relative)} is neither a file, a directory nor a link.`);
      }
    }
  };
  visit('');
  return found.sort((a, b) => Buffer.compare(Buffer.from(a.path), Buffer.from(b.path)));
}

/** Whether the target of a link exists within the root. */
export function staysInside(root: string, link: string): boolean {
  const target = attempt(() => realpathSync(path.join(root, link)));
  const real = realpathSync(root);
  return target !== undefined && (target === real || target.startsWith(real + path.sep));
}
