import { type PrecompressReport, precompress as run } from '../middleware/static-files/precompress.js';
import type { Encoding } from '../support/encoding/encoders.js';
import { encodingNames, knownEncodings } from '../support/encoding/encoders.js';
import { maxInt32 } from '../support/options.js';
import {
  type Arguments,
  type Command,
  exitCodes,
  jsonOption,
  onlyArgument,
  UsageError,
  wholeNumber,
} from './command.js';
import { print, printError, progressLine } from './output.js';

const maxConcurrency = 1024;
const maxFailuresShown = 10;

export const precompress: Command = {
  summary: 'write the .br, .gz and .zst siblings of static files',
  synopsis: '<directory> [options]',
  description: `Encodes the files of a directory for staticFiles, nginx and other servers: Brotli at 11, gzip at 9, Zstandard at 19 where
this Node supports it. Types that do not shrink and siblings that are up to date are skipped. A sibling that would not be
smaller is not written. Links are not followed. Exit code 1: a file could not be encoded; the others were.`,
  options: {
    encodings: {
      type: 'string',
      value: '<list>',
      help: 'some of br,gzip,zstd; default: all that this Node supports',
    },
    threshold: { type: 'string', value: '<bytes>', help: 'skip shorter files; default: 1024' },
    concurrency: {
      type: 'string',
      value: '<n>',
      help: 'siblings encoded at the same time; default: the CPUs available',
    },
    prune: { type: 'boolean', help: 'remove the siblings it wrote for files that no longer exist' },
    'dry-run': { type: 'boolean', help: 'write and remove nothing, only print the report' },
    json: jsonOption,
  },
  examples: ['precompress dist', 'precompress dist --encodings br,gzip --prune'],
  completes: 'directory',
  async run(args) {
    const { values } = args;
    const dir = onlyArgument('precompress', 'a directory', args);
    const dryRun = values['dry-run'] === true;
    const progress = progressLine();
    const report = await run(dir, {
      encodings: encodingsOf(values.encodings),
      threshold: numberOf('threshold', values, maxInt32),
      concurrency: numberOf('concurrency', values, maxConcurrency),
      prune: values.prune === true,
      dryRun,
      onProgress: ({ files, written, upToDate }) =>
        progress.update(`${files} files: ${written} siblings written, ${upToDate} up to date`),
    }).finally(() => progress.clear());
    if (values.json) print(JSON.stringify(report));
    else for (const line of summary(report, dryRun)) print(line);
    for (const { file, message } of report.failed.slice(0, maxFailuresShown)) {
      printError(`${file}: ${message}`);
    }
    const hidden = report.failed.length - maxFailuresShown;
    if (hidden > 0) printError(`and ${hidden} more failed`);
    return report.failed.length > 0 ? exitCodes.failed : exitCodes.done;
  },
};

function encodingsOf(list: Arguments['values'][string]): Encoding[] | undefined {
  if (typeof list !== 'string') return undefined;
  const names = list.split(',') as Encoding[];
  const wrong = names.find((name) => !knownEncodings.includes(name));
  if (wrong === undefined) return names;
  const why = encodingNames.includes(wrong) ? ': this Node does not support it' : '';
  throw new UsageError(
    `--encodings: expected some of ${knownEncodings.join(', ')}, got ${JSON.stringify(wrong)}${why}`,
  );
}

function numberOf(name: string, values: Arguments['values'], max: number): number | undefined {
  const text = values[name];
  return typeof text === 'string' ? wholeNumber(`--${name}`, text, max) : undefined;
}

function summary(report: PrecompressReport, dryRun: boolean): string[] {
  const { files, bytes, siblings, written, upToDate, notSmaller, removed, failed, ms } = report;
  const counts = [
    `${written} ${dryRun ? 'to write' : 'written'}`,
    `${upToDate} up to date`,
    ...(notSmaller > 0 ? [`${notSmaller} not smaller`] : []),
    ...(removed > 0 ? [`${removed} ${dryRun ? 'to remove' : 'removed'}`] : []),
    ...(failed.length > 0 ? [`${failed.length} failed`] : []),
  ];
  const lines = [`${files} files, ${kilobytes(bytes)}: ${counts.join(', ')}; ${ms} ms`];
  for (const [encoding, { files, bytes, of }] of Object.entries(siblings)) {
    const share = `${Math.round((bytes / of) * 100)}%`;
    lines.push(
      `${encoding.padEnd(4)}  ${files} siblings, ${kilobytes(of)} to ${kilobytes(bytes)} (${share})`,
    );
  }
  return lines;
}

function kilobytes(bytes: number): string {
  return `${(bytes / 1000).toFixed(1)} kB`;
}
