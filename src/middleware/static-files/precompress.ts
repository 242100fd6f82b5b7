import fs from 'node:fs';
import { availableCpus } from '../../support/available-cpus.js';
import { type Encoding, knownEncodings } from '../../support/encoding/encoders.js';
import { ProductionizeError, quote } from '../../support/errors.js';
import { type Check, checkOptions, isBoolean, isFunction, isInteger } from '../../support/options.js';
import { Precompression, type PrecompressReport } from './precompression.js';
import { SiblingManifest } from './sibling-manifest.js';

export type { PrecompressReport };

/** Options of {@link precompress}. */
export interface PrecompressOptions {
  /**
   * The encodings to write: Brotli at 11, gzip at 9, Zstandard at 19.
   * @default those this Node knows of ['br', 'gzip', 'zstd']; Zstandard since 22.15
   */
  readonly encodings?: readonly Encoding[];
  /**
   * Files shorter than this many bytes are left as they are.
   * @default 1024
   */
  readonly threshold?: number;
  /**
   * How many siblings are encoded at the same time.
   * @default the CPUs available
   */
  readonly concurrency?: number;
  /**
   * Whether siblings of files that are gone are removed: those it made, and nobody changed since.
   * @default false
   */
  readonly prune?: boolean;
  /**
   * Whether nothing is written or removed, and only the report says what would be.
   * @default false
   */
  readonly dryRun?: boolean;
  /**
   * Called after each sibling with the counts so far.
   * @default undefined
   */
  readonly onProgress?: (counts: Omit<PrecompressReport, 'ms'>) => void;
}

const isKnownEncodingList: Check = (value) =>
  Array.isArray(value) && value.length > 0 && value.every((item) => knownEncodings.includes(item))
    ? undefined
    : `a list of ${knownEncodings.map(quote).join(', ')}, which is what this Node knows`;

/**
 * Writes the compressed siblings (`app.js.br`, `app.js.gz`, `app.js.zst`) of the files below a folder, for
 * `staticFiles`, nginx and others to send. Only files whose type shrinks get one, and only where it is smaller; what is up
 * to date is skipped. Each appears at once and complete, with the time of its original. Links are not followed, names
 * with a leading dot are left alone. What cannot be done for one file is in the report, and the others go on.
 *
 * @throws ProductionizeError when there is no such folder or an option is wrong.
 * @example
 * const report = await precompress('dist')
 * if (report.failed.length > 0) process.exitCode = 1
 */
export async function precompress(dir: string, options?: PrecompressOptions): Promise<PrecompressReport> {
  const {
    encodings = knownEncodings,
    threshold = 1024,
    concurrency = Math.max(1, Math.floor(availableCpus())),
    prune = false,
    dryRun = false,
    onProgress,
  } = checkOptions<PrecompressOptions>('precompress', options, {
    encodings: isKnownEncodingList,
    threshold: isInteger('bytes'),
    concurrency: isInteger('siblings', 1, 1024),
    prune: isBoolean,
    dryRun: isBoolean,
    onProgress: isFunction,
  });
  const start = performance.now();
  const root = await folderOf(dir);
  const manifest = await SiblingManifest.of(root);
  const run = new Precompression({ root, manifest, encodings, threshold, dryRun, onProgress });
  await run.encode(concurrency);
  if (prune) await run.prune();
  await run.save();
  return { ...run.counts, ms: Math.round(performance.now() - start) };
}

async function folderOf(dir: string): Promise<string> {
  const stats =
    typeof dir === 'string' && dir !== '' ? await fs.promises.stat(dir).catch(() => undefined) : undefined;
  if (stats?.isDirectory()) return fs.promises.realpath(dir);
  throw new ProductionizeError(
    'ERR_PRODUCTIONIZE_PRECOMPRESS',
    `precompress: expected a folder, got ${quote(dir)}. Pass the one your build writes to.`,
  );
}
