import { cpSync, existsSync, readFileSync, realpathSync } from 'node:fs';
import path from 'node:path';
import { CommandError } from '../command.js';
import { isSecret } from './secrets.js';

/** A package at its place in the release. */
interface Node {
  /** Its real directory in the project. */
  readonly source: string;
  /** Its directory in the release. */
  readonly target: string;
  readonly dependencies: Map<string, Node>;
  readonly parent: Node | undefined;
}

/**
 * Copies the installed production dependencies of a project into a release, without the package manager. A package is
 * placed at the root, or below the one that needs it where the root has another version. Links of pnpm and of workspaces
 * become copies.
 */
export function copyPackages(project: string, release: string): void {
  const root: Node = {
    source: realpathSync(project),
    target: release,
    dependencies: new Map(),
    parent: undefined,
  };
  const queue = [root];
  for (let node = queue.shift(); node !== undefined; node = queue.shift()) {
    queue.push(...placeDependencies(node, root));
  }
}

/** Places what a package needs and what is not found from there yet. Returns the packages that were placed. */
function placeDependencies(node: Node, root: Node): Node[] {
  const placed: Node[] = [];
  for (const [name, required] of dependenciesOf(node.source)) {
    const source = installedPackage(node.source, name);
    if (source === undefined) {
      if (!required) continue;
      throw new CommandError(
        `The package ${name}, which ${node.source} depends on, is not installed. Install the packages of the project first.`,
      );
    }
    const visible = visiblePackage(node, name);
    if (visible?.source === source) continue;
    const parent = visible === undefined ? root : node;
    const target = path.join(parent.target, 'node_modules', name);
    copyPackage(source, target);
    const child: Node = { source, target, dependencies: new Map(), parent };
    parent.dependencies.set(name, child);
    placed.push(child);
  }
  return placed;
}

function visiblePackage(node: Node, name: string): Node | undefined {
  for (let at: Node | undefined = node; at !== undefined; at = at.parent) {
    const found = at.dependencies.get(name);
    if (found) return found;
  }
  return undefined;
}

/** The names of the production dependencies, and whether each must be installed. */
function dependenciesOf(directory: string): Map<string, boolean> {
  const content = JSON.parse(readFileSync(path.join(directory, 'package.json'), 'utf8'));
  const names = (field: string): string[] => Object.keys(Object(content[field]));
  const optional = new Set([...names('optionalDependencies'), ...names('peerDependenciesMeta')]);
  const all = [...names('dependencies'), ...names('optionalDependencies'), ...names('peerDependencies')];
  return new Map(all.map((name) => [name, !optional.has(name)]));
}

/** The real directory of a package, as Node finds it from another directory. */
function installedPackage(from: string, name: string): string | undefined {
  const directory = path.join(from, 'node_modules', name);
  if (existsSync(path.join(directory, 'package.json'))) return realpathSync(directory);
  const parent = path.dirname(from);
  return parent === from ? undefined : installedPackage(parent, name);
}

/** Copies a package without its own packages. A linked one is a directory of the developer, which may have secrets. */
function copyPackage(source: string, target: string): void {
  const linked = !source.includes(`${path.sep}node_modules${path.sep}`);
  cpSync(source, target, {
    recursive: true,
    verbatimSymlinks: true,
    filter: (from) => {
      const relative = path.relative(source, from);
      return relative !== 'node_modules' && !(linked && relative !== '' && isSecret(relative));
    },
  });
}
