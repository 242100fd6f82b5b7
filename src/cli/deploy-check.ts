import { readdirSync, readFileSync, statSync } from 'node:fs';
import { checkDeploymentFile } from '../deploy/check/check-file.js';
import { usualFileNames } from '../deploy/check/file-kinds.js';
import type { Finding } from '../deploy/check/finding.js';
import { originOf } from '../deploy/origin.js';
import { shellWords } from '../deploy/shell-word.js';
import { type TargetName, targets } from '../deploy/targets/index.js';
import { attempt } from '../support/attempt.js';
import { ProductionizeError } from '../support/errors.js';
import { type Arguments, type Command, exitCodes, parse, UsageError, wholeNumber } from './command.js';
import { correctionFlags, correctionsOf, targetOptions } from './deploy-flags.js';
import { describedApp } from './described-app.js';
import { paint, print, printError } from './output.js';
import { usualScript } from './usual-script.js';

/** Flags that have an effect on a check. `--hops` is one of a target, too. */
const known = new Set([
  'check',
  'config',
  'port',
  'seconds',
  'json',
  'hops',
  ...Object.keys(correctionFlags),
]);

/** Flags that state what is not read from the app, and which the first comment of a file repeats. */
const describing = ['config', 'port', ...Object.keys(correctionFlags)];

interface CheckedFile {
  readonly name: string;
  readonly text: string;
  /** The arguments of the command in its first comment. */
  readonly written: Arguments | undefined;
}

/** Checks files against the app. The exit code is 1 where they disagree, and 2 where one could not be checked. */
export async function checkFiles(command: Command, args: Arguments): Promise<number> {
  const wrong = Object.keys(args.values).find((name) => !known.has(name));
  if (wrong !== undefined) throw new UsageError(`--${wrong} has no effect with --check`);
  const { names, script } = split(args.positionals);
  const files = names.map((name) => readChecked(command, name));
  const [written] = files.flatMap((file) => file.written ?? []);
  const { facts } = await describedApp({
    values: { ...pick(written?.values ?? {}, describing), ...args.values },
    positionals: [script ?? written?.positionals[1] ?? usualScript()],
    rest: args.rest.length > 0 ? args.rest : (written?.rest ?? []),
  });
  const hops = args.values.hops === undefined ? undefined : hopsOf(args.values.hops as string);
  const results = files.map((file) => {
    const corrected = correctionsOf({ ...pick(file.written?.values ?? {}, describing), ...args.values });
    const options = file.written && optionsOf(file.written);
    try {
      const { name, text } = file;
      return {
        file: name,
        findings: checkDeploymentFile({ name, text, facts: { ...facts, ...corrected }, hops, options }),
      };
    } catch (error) {
      if (!(error instanceof ProductionizeError)) throw error;
      return { file: file.name, error: error.message, findings: [] };
    }
  });
  if (args.values.json) print(JSON.stringify({ facts, files: results }));
  else for (const result of results) show(result);
  if (results.some(({ error }) => error !== undefined)) return exitCodes.usage;
  return results.some(({ findings }) => findings.length > 0) ? exitCodes.failed : exitCodes.done;
}

/** The last argument is the script of the app where it is the name of a script or a directory. */
function split(positionals: readonly string[]): { names: readonly string[]; script?: string } {
  const last = positionals.at(-1);
  const isScript = last !== undefined && (/\.[cm]?[jt]sx?$/.test(last) || isDirectory(last));
  const names = isScript ? positionals.slice(0, -1) : positionals;
  const found =
    names.length > 0
      ? names
      : readdirSync('.')
          .filter((name) => usualFileNames.test(name))
          .sort();
  if (found.length > 0) return { names: found, ...(isScript && { script: last }) };
  throw new UsageError(
    'deploy: expected a file to check: this directory has no nginx.conf, haproxy.cfg, unit, Dockerfile, Compose, Kubernetes or ecosystem file',
  );
}

const isDirectory = (file: string): boolean =>
  statSync(file, { throwIfNoEntry: false })?.isDirectory() ?? false;

/** Files of a larger size are refused when they are checked; they are not read as a whole. */
const maxBytes = 16 * 2 ** 20;

function readChecked(command: Command, name: string): CheckedFile {
  const stats = statSync(name, { throwIfNoEntry: false });
  if (!stats?.isFile()) throw new UsageError(`deploy: there is no file ${JSON.stringify(name)}`);
  if (stats.size > maxBytes)
    throw new UsageError(`deploy: ${JSON.stringify(name)} is too large for a configuration`);
  const text = readFileSync(name, 'utf8');
  const origin = originOf(
    text
      .replace(/^\ufeff/, '')
      .replaceAll('\r\n', '\n')
      .slice(0, 10_000),
  );
  const [, , ...argv] = shellWords(origin?.command ?? '');
  const written = origin?.command === undefined ? undefined : attempt(() => parse('deploy', command, argv));
  return { name, text, written };
}

function optionsOf(written: Arguments): object | undefined {
  const [target = ''] = written.positionals;
  const isKnown = Object.hasOwn(targets, target);
  return isKnown ? attempt(() => targetOptions(target as TargetName, written.values)) : undefined;
}

function pick(values: Arguments['values'], names: readonly string[]): Arguments['values'] {
  return Object.fromEntries(
    names.flatMap((name) => (values[name] === undefined ? [] : [[name, values[name]]])),
  );
}

const hopsOf = (text: string): number => (text === '0' ? 0 : wholeNumber('--hops', text, 16));

function show({
  file,
  findings,
  error,
}: {
  file: string;
  findings: readonly Finding[];
  error?: string;
}): void {
  if (error !== undefined) printError(paint('red', error, process.stderr));
  else if (findings.length === 0) print(`${file}: ${paint('green', 'agrees with the app')}`);
  for (const { line, id, found, expected, reason, fix } of findings) {
    print(`${paint('bold', `${file}:${line}`)} ${paint('yellow', id)}`);
    print(`  found   ${found}\n  app     ${expected}\n  reason  ${reason}\n  write   ${fix}`);
  }
}
