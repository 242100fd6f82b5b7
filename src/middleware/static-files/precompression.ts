import fs from 'node:fs';
import path from 'node:path';
import { type Encoding, encodingNames } from '../../support/encoding/encoders.js';
import { SiblingManifest } from './sibling-manifest.js';
import { writeSibling } from './sibling-writer.js';
import { copyToleranceMs, isCopyOf, isWorthEncoding, siblingExtensions } from './siblings.js';
import { removeIfAbandoned } from './unfinished-files.js';

export { SiblingManifest };

/** The result of `precompress`. */
export interface PrecompressReport {
  /** Files of a compressible type that reach the threshold. */
  readonly files: number;
  /** The total size of these files. */
  readonly bytes: number;
  /** For each encoding: the number of siblings, their total size, and the total size of their originals. */
  readonly siblings: {
    readonly [Name in Encoding]?: { readonly files: number; readonly bytes: number; readonly of: number };
  };
  /** Siblings that were written, or with `dryRun` would be. */
  readonly written: number;
  readonly upToDate: number;
  /** Siblings that were not written because they were not smaller than their originals. */
  readonly notSmaller: number;
  /** Siblings that were removed, or with `dryRun` would be. */
  readonly removed: number;
  readonly failed: readonly { readonly file: string; readonly message: string }[];
  readonly ms: number;
}

interface PrecompressionSettings {
  readonly root: string;
  readonly manifest: SiblingManifest;
  readonly encodings: readonly Encoding[];
  readonly threshold: number;
  readonly dryRun: boolean;
  readonly onProgress?: (counts: Omit<PrecompressReport, 'ms'>) => void;
}

interface Job {
  readonly file: string;
  readonly stats: fs.Stats;
  readonly encoding: Encoding;
}

type Counts = {
  -readonly [Name in keyof Omit<PrecompressReport, 'ms'>]: Omit<PrecompressReport, 'ms'>[Name];
};

/** One run over a directory. A file that fails is recorded, and the run continues. */
export class Precompression {
  readonly #settings: PrecompressionSettings;
  readonly #failed: { file: string; message: string }[] = [];
  readonly counts: Counts = {
    files: 0,
    bytes: 0,
    written: 0,
    upToDate: 0,
    notSmaller: 0,
    removed: 0,
    siblings: {},
    failed: this.#failed,
  };

  constructor(settings: PrecompressionSettings) {
    this.#settings = settings;
  }

  /** Writes the siblings that are not up to date, `concurrency` of them at the same time. */
  async encode(concurrency: number): Promise<void> {
    const jobs = this.#jobs(this.#settings.root);
    const work = async (): Promise<void> => {
      for await (const job of jobs) {
        await this.#encode(job).catch((error) =>
          this.#fail(job.file + siblingExtensions[job.encoding], error),
        );
        this.#settings.onProgress?.(this.counts);
      }
    };
    await Promise.all(Array.from({ length: concurrency }, work));
  }

  /** Removes the siblings whose originals no longer exist. */
  async prune(): Promise<void> {
    const { manifest, dryRun } = this.#settings;
    for (const file of await manifest.orphans()) {
      try {
        if (!dryRun) {
          await fs.promises.rm(file);
          manifest.delete(file);
        }
        this.counts.removed += 1;
      } catch (error) {
        this.#fail(file, error);
      }
    }
  }

  async save(): Promise<void> {
    const { manifest, root, dryRun } = this.#settings;
    if (!dryRun) await manifest.save().catch((error) => this.#fail(root, error));
  }

  async *#jobs(directory: string): AsyncGenerator<Job> {
    const { encodings, threshold } = this.#settings;
    for await (const entry of this.#entries(directory)) {
      const file = path.join(directory, entry.name);
      if (entry.isDirectory()) yield* this.#jobs(file);
      if (!entry.isFile() || !isOriginal(entry.name)) continue;
      const stats = await fs.promises.lstat(file).catch(() => undefined);
      if (!stats?.isFile() || stats.size === 0 || stats.size < threshold) continue;
      this.counts.files += 1;
      this.counts.bytes += stats.size;
      for (const encoding of encodings) yield { file, stats, encoding };
    }
  }

  async *#entries(directory: string): AsyncGenerator<fs.Dirent> {
    try {
      for await (const entry of await fs.promises.opendir(directory)) {
        if (!entry.name.startsWith('.')) yield entry;
        else if (entry.isFile() && !this.#settings.dryRun)
          await removeIfAbandoned(path.join(directory, entry.name));
      }
    } catch (error) {
      this.#fail(directory, error);
    }
  }

  async #encode({ file, stats, encoding }: Job): Promise<void> {
    const { manifest, dryRun } = this.#settings;
    const sibling = file + siblingExtensions[encoding];
    const present = await fs.promises.lstat(sibling).catch(() => undefined);
    const isOurs = present !== undefined && manifest.isOurs(sibling, present);
    if (present !== undefined && isUpToDate(present, stats, isOurs)) {
      this.counts.upToDate += 1;
      this.#count(encoding, present.size, stats.size);
      return;
    }
    if (dryRun) {
      this.counts.written += 1;
      return;
    }
    const written = await writeSibling(file, encoding);
    if (written === 'not smaller') {
      this.counts.notSmaller += 1;
      if (isOurs) await fs.promises.rm(sibling, { force: true });
      manifest.delete(sibling);
      return;
    }
    this.counts.written += 1;
    manifest.add(sibling, written);
    this.#count(encoding, written.size, stats.size);
  }

  #count(encoding: Encoding, bytes: number, of: number): void {
    const { siblings } = this.counts;
    const before = siblings[encoding] ?? { files: 0, bytes: 0, of: 0 };
    const after = { files: before.files + 1, bytes: before.bytes + bytes, of: before.of + of };
    this.counts.siblings = { ...siblings, [encoding]: after };
  }

  #fail(file: string, error: unknown): void {
    const name = path.relative(this.#settings.root, file) || '.';
    this.#failed.push({ file: name, message: (error as Error).message });
  }
}

const extensions = new Set(encodingNames.map((encoding) => siblingExtensions[encoding]));

function isOriginal(name: string): boolean {
  return isWorthEncoding(name) && !extensions.has(path.extname(name));
}

/** A sibling that we wrote has the same time as its original. A sibling of another tool may be newer. */
function isUpToDate(sibling: fs.Stats, original: fs.Stats, isOurs: boolean): boolean {
  if (!isCopyOf(sibling, original)) return false;
  return !isOurs || Math.abs(sibling.mtimeMs - original.mtimeMs) <= copyToleranceMs;
}
