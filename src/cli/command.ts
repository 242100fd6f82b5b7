import { type ParseArgsConfig, parseArgs } from 'node:util';
import { isMemoryLimit } from '../process/cluster/memory-limit.js';
import { maxWorkers } from '../process/cluster/worker-count.js';
import { nearestName } from '../support/nearest-name.js';
import { maxInt32 } from '../support/options.js';

export const exitCodes = { done: 0, failed: 1, usage: 2 } as const;

/** Invalid arguments. The message is printed with the usage, and the exit code is 2. */
export class UsageError extends Error {}

/** The command failed for the stated reason. The message is printed, and the exit code is 1. */
export class CommandError extends Error {}

/** One option, for `parseArgs` and the help. */
interface CommandOption {
  readonly type: 'string' | 'boolean';
  readonly short?: string;
  /** The name of the value in the help, such as `<n>`. */
  readonly value?: string;
  /** The value may be left out, and is empty then. The next argument is the value only where it ends with this. */
  readonly optional?: string;
  /** Whether the option may be repeated. Its values are a list. */
  readonly multiple?: boolean;
  /** The line of the option in the help. */
  readonly help: string;
}

export type CommandOptions = Readonly<Record<string, CommandOption>>;

export interface Arguments {
  readonly values: Readonly<Record<string, string | boolean | readonly string[] | undefined>>;
  readonly positionals: readonly string[];
  /** The arguments after `--`, unchanged. */
  readonly rest: readonly string[];
}

/** One subcommand. Its file has the name of the command. */
export interface Command {
  /** The line of the command in the list of commands. */
  readonly summary: string;
  /** The arguments after the name of the command, for the usage. */
  readonly synopsis: string;
  readonly description: string;
  readonly options: CommandOptions;
  /** Two command lines, without the name of the program. */
  readonly examples: readonly [string, string];
  /** The kind or the values of the first argument, for shell completion. */
  readonly completes?: 'file' | 'directory' | readonly string[];
  /** Resolves with the exit code, or with `undefined` when the process continues to run. */
  run(args: Arguments): Promise<number | undefined>;
  /** Prints the result of another host, as `--json` printed it there. Default: its message. */
  readonly show?: (result: unknown, args: Arguments) => void;
  /** Whether `--on` runs the command on one host after the other, and stops at the first failure. */
  readonly hostByHost?: boolean;
  /** Whether the command itself handles `--on`. */
  readonly followsHosts?: boolean;
  /** The milliseconds in which a host must have a result; default: 30 s. */
  readonly hostLimitMs?: (args: Arguments) => number;
}

/** Parses the arguments after the name of a command. */
export function parse(name: string, command: Command, argv: readonly string[]): Arguments {
  const end = argv.indexOf('--');
  const [own, rest] = end < 0 ? [argv, []] : [argv.slice(0, end), argv.slice(end + 1)];
  const options: ParseArgsConfig['options'] = {
    ...command.options,
    help: { type: 'boolean', short: 'h' },
  };
  const config = { args: withValues(own, command.options), options, allowPositionals: true } as const;
  const { tokens } = parseArgs({ ...config, strict: false, tokens: true });
  for (const token of tokens) {
    if (token.kind === 'option' && !Object.hasOwn(options, token.name)) {
      const flags = Object.keys(options).map((option) => `--${option}`);
      throw new UsageError(`${name}: unknown option ${token.rawName}.${didYouMean(token.rawName, flags)}`);
    }
  }
  try {
    const { values, positionals } = parseArgs(config);
    return { values: values as Arguments['values'], positionals, rest };
  } catch (error) {
    throw new UsageError(`${name}: ${(error as Error).message}`);
  }
}

/** The arguments with the values of options that may be left out. */
function withValues(own: readonly string[], options: CommandOptions): string[] {
  const args: string[] = [];
  for (const arg of own) {
    const [, previous = ''] = /^--([^=]+)=$/.exec(args.at(-1) ?? '') ?? [];
    const { optional = '' } = (Object.hasOwn(options, previous) && options[previous]) || {};
    if (optional !== '' && arg.endsWith(optional) && !arg.startsWith('-')) args[args.length - 1] += arg;
    else args.push(isOptional(arg, options) ? `${arg}=` : arg);
  }
  return args;
}

function isOptional(arg: string, options: CommandOptions): boolean {
  const name = arg.slice(2);
  return arg.startsWith('--') && Object.hasOwn(options, name) && options[name]?.optional !== undefined;
}

/** A sentence with the most similar known word, or an empty string when none is similar. */
export function didYouMean(word: string, known: readonly string[]): string {
  const nearest = nearestName(word, known);
  return nearest === undefined ? '' : ` Did you mean ${nearest}?`;
}

export function wholeNumber(name: string, text: string, max: number): number {
  const value = Number(text);
  if (/^\d+$/.test(text) && value >= 1 && value <= max) return value;
  throw new UsageError(`${name}: expected a whole number from 1 to ${max}, got ${JSON.stringify(text)}`);
}

const units: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, min: 60_000, h: 3_600_000 };

/** Parses a time from the command line into milliseconds. A number without a unit is seconds. */
export function durationMs(name: string, text: string): number {
  const [, digits, unit = 's'] = /^(\d+)([a-z]+)?$/.exec(text) ?? [];
  const ms = Number(digits) * (Object.hasOwn(units, unit) ? (units[unit] as number) : Number.NaN);
  if (ms >= 1 && ms <= maxInt32) return ms;
  throw new UsageError(`${name}: expected a time such as 60s, 5m or 1h, got ${JSON.stringify(text)}`);
}

/** Parses a number of workers from the command line; `max` is the number of CPUs available. */
export function workerCount(name: string, text: string): number | 'max' {
  if (text === 'max') return text;
  if (/^\d+$/.test(text) && Number(text) >= 1 && Number(text) <= maxWorkers) return Number(text);
  throw new UsageError(
    `${name}: expected a whole number from 1 to ${maxWorkers}, or max, got ${JSON.stringify(text)}`,
  );
}

/** Parses a limit of memory from the command line: a fraction, bytes with an optional unit, or `off`. */
export function memoryLimit(name: string, text: string): number | false {
  const [, digits, unit = ''] = /^(\d+)([MG])$/i.exec(text) ?? [];
  const bytes = digits && Number(digits) * 2 ** (unit.toUpperCase() === 'G' ? 30 : 20);
  const value = text === 'off' ? false : Number(bytes ?? text);
  if (isMemoryLimit(value) === undefined) return value;
  throw new UsageError(
    `${name}: expected a fraction above 0 and at most 1, bytes from 1M such as 512M, or off, got ${JSON.stringify(text)}`,
  );
}

/** Returns the only argument of a command, such as its script. */
export function onlyArgument(name: string, what: string, { positionals }: Arguments, hint = ''): string {
  const [argument, extra] = positionals;
  if (argument === undefined) throw new UsageError(`${name}: expected ${what}`);
  if (extra !== undefined)
    throw new UsageError(`${name}: unexpected argument ${JSON.stringify(extra)}${hint}`);
  return argument;
}

export const jsonOption = { type: 'boolean', help: 'print the result as JSON' } as const;
