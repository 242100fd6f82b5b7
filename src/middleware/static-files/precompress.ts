import fs from 'node:fs';
import { availableCpus } from '../../support/available-cpus.js';
import { type Encoding, knownEncodings } from '../../support/encoding/encoders.js';
import { ProductionizeError, quote } from '../../support/errors.js';
import { type Check, checkOptions, isBoolean, isFunction, isInteger } from '../../support/options.js';
import { Precompression, type PrecompressReport, SiblingManifest } from './precompression.js';

export type { PrecompressReport };

/** Options of {@link precompress}. */
export interface PrecompressOptions {
  /**
   * The encodings to write: Brotli at 11, gzip at 9, Zstandard at 19.
   * @default ['br', 'gzip', 'zstd'], without zstd before Node 22.15
   */
  readonly encodings?: readonly Encoding[];
  /** Files with fewer bytes are not encoded. @default 1024 */
  readonly threshold?: number;
  /** The number of siblings that are encoded at the same time. @default the number of available CPUs */
  readonly concurrency?: number;
  /**
   * Whether siblings of files that no longer exist are removed, if `precompress` wrote them and they have not changed
   * since.
   * @default false
   */
  readonly prune?: boolean;
  /** Whether the report is made without writing or removing a file. @default false */
  readonly dryRun?: boolean;
  /** A function that is called after each sibling with the current counts. @default undefined */
  readonly onProgress?: (counts: Omit<PrecompressReport, 'ms'>) => void;
}

const isKnownEncodingList: Check = (value) =>
  Array.isArray(value) && value.length > 0 && value.every((item) => knownEncodings.includes(item))
    ? undefined
    : `a list of ${knownEncodings.map(quote).join(', ')}, which are those this version of Node supports`;

/**
 * Writes the compressed siblings (`app.js.br`, `app.js.gz`, `app.js.zst`) of the files below a directory, which
 * `staticFiles`, nginx and other servers send. A sibling is written only for files of a compressible type, and only if
 * it is smaller. Siblings that are up to date are skipped. Each sibling is renamed into place when it is complete, with
 * the time of its original. Links are not followed, and names with a leading dot are skipped. When a file fails, the
 * report contains the failure, and the other files are processed.
 *
 * @throws ProductionizeError when there is no such directory or an option is wrong.
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
  const root = await directoryOf(dir);
  const manifest = await SiblingManifest.of(root);
  const run = new Precompression({ root, manifest, encodings, threshold, dryRun, onProgress });
  await run.encode(concurrency);
  if (prune) await run.prune();
  await run.save();
  return { ...run.counts, ms: Math.round(performance.now() - start) };
}

async function directoryOf(dir: string): Promise<string> {
  const stats =
    typeof dir === 'string' && dir !== '' ? await fs.promises.stat(dir).catch(() => undefined) : undefined;
  if (stats?.isDirectory()) return fs.promises.realpath(dir);
  throw new ProductionizeError(
    'ERR_PRODUCTIONIZE_PRECOMPRESS',
    `precompress: expected a directory, got ${quote(dir)}. Pass the output directory of your build.`,
  );
}
