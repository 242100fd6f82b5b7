import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { attempt } from '../../support/attempt.js';
import { ownDirectory } from '../own-files.js';
import type { Frame } from './profile-tree.js';

export type CodeOf = 'app' | 'package' | 'node' | 'native';

/** Where a function is, and whose code it is. */
export interface FramePlace {
  readonly of: CodeOf;
  /** The file, relative to the project or to `node_modules`; empty for native code. */
  readonly file: string;
}

const packages = `${path.sep}node_modules${path.sep}`;

/** Returns where functions are, for a project in a directory. */
export function placesIn(directory: string): (frame: Frame) => FramePlace {
  return ({ url }) => {
    if (url === '') return { of: 'native', file: '' };
    if (url.startsWith('node:')) return { of: 'node', file: url };
    const file = url.startsWith('file:') ? attempt(() => fileURLToPath(url), url) : url;
    const at = file.lastIndexOf(packages);
    if (at >= 0) return { of: 'package', file: file.slice(at + packages.length) };
    if (file.startsWith(ownDirectory + path.sep)) {
      return { of: 'package', file: `express-productionize/${path.basename(file)}` };
    }
    return { of: 'app', file: path.isAbsolute(file) ? path.relative(directory, file) : file };
  };
}
