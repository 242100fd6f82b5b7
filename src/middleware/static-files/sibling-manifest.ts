import fs from 'node:fs';
import path from 'node:path';
import { debugFor } from '../../support/debug.js';
import { isServable } from './request-path.js';
import { copyToleranceMs, siblingExtensions } from './siblings.js';
import { unfinishedFile } from './unfinished-files.js';

const debug = debugFor('precompress');

/** The name of the manifest in the directory. Because of the leading dot the manifest is not served. */
const manifestName = '.precompressed.json';

interface SiblingState {
  readonly size: number;
  readonly mtimeMs: number;
}

/**
 * Records which siblings in a directory we have written, with their size and time. Siblings that another tool has
 * written or changed are left in place.
 */
export class SiblingManifest {
  readonly #root: string;
  readonly #recorded: Map<string, SiblingState>;
  /** The siblings that this run has written, and (as `undefined`) those that it has removed. */
  readonly #changes = new Map<string, SiblingState | undefined>();

  private constructor(root: string, recorded: Map<string, SiblingState>) {
    this.#root = root;
    this.#recorded = recorded;
  }

  /** Reads the manifest of a directory. A missing or damaged manifest is treated as empty. */
  static async of(root: string): Promise<SiblingManifest> {
    return new SiblingManifest(root, await read(root));
  }

  /** Whether we have written a sibling, and it has not changed since. */
  isOurs(file: string, { size, mtimeMs }: SiblingState): boolean {
    const made = this.#recorded.get(this.#nameOf(file));
    return made !== undefined && made.size === size && Math.abs(made.mtimeMs - mtimeMs) <= copyToleranceMs;
  }

  add(file: string, { size, mtimeMs }: SiblingState): void {
    const name = this.#nameOf(file);
    this.#recorded.set(name, { size, mtimeMs });
    this.#changes.set(name, { size, mtimeMs });
  }

  delete(file: string): void {
    const name = this.#nameOf(file);
    if (this.#recorded.delete(name)) this.#changes.set(name, undefined);
  }

  /** The siblings that we have written and whose originals no longer exist. */
  async orphans(): Promise<string[]> {
    const orphans: string[] = [];
    for (const name of this.#recorded.keys()) {
      const file = path.join(this.#root, name);
      const directory = await fs.promises.realpath(path.dirname(file)).catch(() => undefined);
      // A link to another directory may have replaced the directory.
      if (directory === undefined || directory !== path.dirname(file)) continue;
      const stats = await fs.promises.lstat(file).catch(() => undefined);
      if (stats === undefined) this.delete(file);
      else if (
        stats.isFile() &&
        this.isOurs(file, stats) &&
        (await isGone(file.slice(0, file.lastIndexOf('.'))))
      ) {
        orphans.push(file);
      }
    }
    return orphans;
  }

  async save(): Promise<void> {
    if (this.#changes.size === 0) return;
    // Another run may have saved the manifest since this run began.
    const recorded = await read(this.#root);
    for (const [name, state] of this.#changes) {
      if (state === undefined) recorded.delete(name);
      else recorded.set(name, state);
    }
    const file = path.join(this.#root, manifestName);
    if (recorded.size === 0) {
      await fs.promises.rm(file, { force: true });
      return;
    }
    const siblings = Object.fromEntries([...recorded].sort(([a], [b]) => (a < b ? -1 : 1)));
    const unfinished = await unfinishedFile(this.#root);
    try {
      await fs.promises.writeFile(unfinished, `${JSON.stringify({ version: 1, siblings })}\n`);
      await fs.promises.rename(unfinished, file);
    } catch (error) {
      await fs.promises.rm(unfinished, { force: true });
      throw error;
    }
  }

  #nameOf(file: string): string {
    return path.relative(this.#root, file).split(path.sep).join('/');
  }
}

async function read(root: string): Promise<Map<string, SiblingState>> {
  const recorded = new Map<string, SiblingState>();
  try {
    const text = await fs.promises.readFile(path.join(root, manifestName), 'utf8');
    for (const [name, { size, mtimeMs }] of Object.entries(
      JSON.parse(text).siblings as Record<string, SiblingState>,
    )) {
      // The content of the file is not trusted: a name must not lead out of the directory.
      const isSibling = Object.values(siblingExtensions).some((extension) => name.endsWith(extension));
      if (isSibling && isServable(`/${name}`, [])) recorded.set(name, { size, mtimeMs });
    }
  } catch (error) {
    debug(() => ['no manifest in %s: %s', root, error]);
  }
  return recorded;
}

async function isGone(file: string): Promise<boolean> {
  try {
    await fs.promises.lstat(file);
    return false;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ENOENT';
  }
}
