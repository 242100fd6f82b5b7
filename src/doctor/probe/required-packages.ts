import nodeModule from 'node:module';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { nearestPackageFile } from '../../deploy/package-files.js';
import { attempt } from '../../support/attempt.js';

/** The files of packages that were imported, each with the first file outside of all packages that imports it. */
export type Imports = ReadonlyMap<string, string>;

interface Resolved {
  readonly url: string;
}
type ResolveHook = (
  specifier: string,
  context: { readonly parentURL?: string },
  nextResolve: (specifier: string, context: object) => Resolved,
) => Resolved;

/** Records from now on what files import from packages. Node before 22.15 does not show it. */
export function recordImports(): Imports {
  const imports = new Map<string, string>();
  const { registerHooks } = nodeModule as { registerHooks?(hooks: { resolve: ResolveHook }): unknown };
  registerHooks?.({
    resolve(specifier, context, nextResolve) {
      const resolved = nextResolve(specifier, context);
      const [file, parent] = [toFile(resolved.url), toFile(context.parentURL)];
      if (file && parent && isInstalled(file) && !isInstalled(parent) && !imports.has(file)) {
        imports.set(file, parent);
      }
      return resolved;
    },
  });
  return imports;
}

/** Packages that files of the project itself load by `require` or by an import, with the first such file. */
export function requiredPackages(script: string, imports: Imports): Record<string, string> {
  const project = nearestPackageFile(path.dirname(script));
  if (project === undefined) return {};
  const required = Object.entries(require.cache).flatMap(([parent, module]) =>
    (module?.children ?? []).map(({ filename }) => [filename, parent] as const),
  );
  const found: Record<string, string> = {};
  for (const [file, parent] of [...required, ...imports]) {
    const own = path.relative(project.directory, parent);
    const name = own.startsWith('..') || isInstalled(own) ? undefined : packageOf(file);
    if (name !== undefined) found[name] ??= own;
  }
  return found;
}

const isInstalled = (file: string): boolean => file.split(path.sep).includes('node_modules');

const toFile = (url = ''): string | undefined =>
  url.startsWith('file:') ? attempt(() => fileURLToPath(url), undefined) : undefined;

function packageOf(file: string): string | undefined {
  const words = file.split(path.sep);
  const at = words.lastIndexOf('node_modules');
  if (at < 0) return undefined;
  const [first = '', second = ''] = words.slice(at + 1);
  return first.startsWith('@') ? `${first}/${second}` : first;
}
