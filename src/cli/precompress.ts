import { type PrecompressReport, precompress as run } from '../middleware/static-files/precompress.js';
import type { Encoding } from '../support/encoding/encoders.js';
import { encodingNames, knownEncodings } from '../support/encoding/encoders.js';
import { maxInt32 } from '../support/options.js';
import { type Arguments, type Command, exitCodes, print, UsageError, wholeNumber } from './command.js';

const maxConcurrency = 1024;
const maxFailuresShown = 10;

export const precompress: Command = {
  summary: 'write the .br, .gz and .zst siblings of static files',
  usage: `<dir> [options]

Encodes the files below a folder for staticFiles, nginx and others to send: Brotli at 11, gzip at 9, Zstandard at 19
where this Node knows it. Types that do not shrink, and what is up to date, are skipped; a sibling that would not be
smaller is not written. Links are not followed.

  --encodings <list>    some of br,gzip,zstd; default: all that this Node knows
  --threshold <bytes>   leave shorter files alone; default: 1024
  --concurrency <n>     how many siblings at the same time; default: the CPUs available
  --prune               remove the siblings it made of files that are gone
  --dry-run             only say what would be done
  --json                print the report as JSON

Exit code 1: a file could not be encoded; the others were.`,
  options: {
    encodings: { type: 'string' },
    threshold: { type: 'string' },
    concurrency: { type: 'string' },
    prune: { type: 'boolean' },
    'dry-run': { type: 'boolean' },
    json: { type: 'boolean' },
  },
  async run({ values, positionals }) {
    const [dir, ...more] = positionals;
    if (dir === undefined) throw new UsageError('precompress: expected a folder');
    if (more.length > 0) throw new UsageError(`precompress: unexpected argument ${JSON.stringify(more[0])}`);
    const dryRun = values['dry-run'] === true;
    const report = await run(dir, {
      encodings: encodingsOf(values.encodings),
      threshold: numberOf('threshold', values, maxInt32),
      concurrency: numberOf('concurrency', values, maxConcurrency),
      prune: values.prune === true,
      dryRun,
    });
    if (values.json) print(JSON.stringify(report));
    else for (const line of summary(report, dryRun)) print(line);
    for (const { file, message } of report.failed.slice(0, maxFailuresShown)) {
      process.stderr.write(`${file}: ${message}\n`);
    }
    const hidden = report.failed.length - maxFailuresShown;
    if (hidden > 0) process.stderr.write(`and ${hidden} more failed\n`);
    return report.failed.length > 0 ? exitCodes.failed : exitCodes.done;
  },
};

function encodingsOf(list: string | boolean | undefined): Encoding[] | undefined {
  if (typeof list !== 'string') return undefined;
  const names = list.split(',') as Encoding[];
  const wrong = names.find((name) => !knownEncodings.includes(name));
  if (wrong === undefined) return names;
  const why = encodingNames.includes(wrong) ? ': this Node does not know it' : '';
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
