import path from 'node:path';
import { nearestPackageFile } from '../../deploy/package-files.js';

/** Packages that files of the project itself load by `require`, with the first such file. ES modules show no parent. */
export function requiredPackages(script: string): Record<string, string> {
  const project = nearestPackageFile(path.dirname(script));
  if (project === undefined) return {};
  const found: Record<string, string> = {};
  for (const [file, module] of Object.entries(require.cache)) {
    const own = path.relative(project.directory, file);
    if (module === undefined || own.startsWith('..') || isInstalled(own)) continue;
    for (const { filename } of module.children) {
      const name = packageOf(filename);
      if (name !== undefined) found[name] ??= own;
    }
  }
  return found;
}

const isInstalled = (file: string): boolean => file.split(path.sep).includes('node_modules');

function packageOf(file: string): string | undefined {
  const words = file.split(path.sep);
  const at = words.lastIndexOf('node_modules');
  if (at < 0) return undefined;
  const [first = '', second = ''] = words.slice(at + 1);
  return first.startsWith('@') ? `${first}/${second}` : first;
}
