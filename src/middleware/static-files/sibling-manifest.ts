import fs from 'node:fs';
import path from 'node:path';
import { debugFor } from '../../support/debug.js';
import { isServable } from './request-path.js';
import { copyToleranceMs, siblingExtensions } from './siblings.js';
import { unfinishedFile } from './unfinished-files.js';

const debug = debugFor('precompress');

/** In the folder itself; its dot keeps it from being served. */
const manifestName = '.precompressed.json';

interface Made {
  readonly size: number;
  readonly mtimeMs: number;
}

/**
 * Which siblings in a folder were made by us, and how they looked when they were: what anybody else made or changed is
 * left alone.
 */
export class SiblingManifest {
  readonly #root: string;
  readonly #made: Map<string, Made>;
  /** What this run made, and removed. */
  readonly #changes = new Map<string, Made | undefined>();

  private constructor(root: string, made: Map<string, Made>) {
    this.#root = root;
    this.#made = made;
  }

  /** Reads the manifest of a folder; one that is missing or damaged knows of nothing. */
  static async of(root: string): Promise<SiblingManifest> {
    return new SiblingManifest(root, await read(root));
  }

  /** Whether a sibling is just as we made it. */
  isOurs(file: string, { size, mtimeMs }: Made): boolean {
    const made = this.#made.get(this.#nameOf(file));
    return made !== undefined && made.size === size && Math.abs(made.mtimeMs - mtimeMs) <= copyToleranceMs;
  }

  add(file: string, { size, mtimeMs }: Made): void {
    const name = this.#nameOf(file);
    this.#made.set(name, { size, mtimeMs });
    this.#changes.set(name, { size, mtimeMs });
  }

  delete(file: string): void {
    const name = this.#nameOf(file);
    if (this.#made.delete(name)) this.#changes.set(name, undefined);
  }

  /** The siblings we made of originals that are gone. */
  async orphans(): Promise<string[]> {
    const orphans: string[] = [];
    for (const name of this.#made.keys()) {
      const file = path.join(this.#root, name);
      const folder = await fs.promises.realpath(path.dirname(file)).catch(() => undefined);
      // a folder that is a link by now may lead anywhere
      if (folder === undefined || folder !== path.dirname(file)) continue;
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
    // another run may have saved what it did since this one began
    const made = await read(this.#root);
    for (const [name, state] of this.#changes) {
      if (state === undefined) made.delete(name);
      else made.set(name, state);
    }
    const file = path.join(this.#root, manifestName);
    if (made.size === 0) {
      await fs.promises.rm(file, { force: true });
      return;
    }
    const siblings = Object.fromEntries([...made].sort(([a], [b]) => (a < b ? -1 : 1)));
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

async function read(root: string): Promise<Map<string, Made>> {
  const made = new Map<string, Made>();
  try {
    const text = await fs.promises.readFile(path.join(root, manifestName), 'utf8');
    for (const [name, { size, mtimeMs }] of Object.entries(
      JSON.parse(text).siblings as Record<string, Made>,
    )) {
      // the file could have been written by anybody: it names no path outside
      const isSibling = Object.values(siblingExtensions).some((extension) => name.endsWith(extension));
      if (isSibling && isServable(`/${name}`, [])) made.set(name, { size, mtimeMs });
    }
  } catch (error) {
    debug(() => ['no manifest in %s: %s', root, error]);
  }
  return made;
}

async function isGone(file: string): Promise<boolean> {
  try {
    await fs.promises.lstat(file);
    return false;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ENOENT';
  }
}
