import { type ParseArgsConfig, parseArgs } from 'node:util';

/** Exit codes of the command line. */
export const exitCodes = { done: 0, failed: 1, usage: 2 } as const;

/** Wrong arguments: printed with the usage, exit code 2. */
export class UsageError extends Error {}

type OptionTypes = NonNullable<ParseArgsConfig['options']>;

/** What a command is called with. */
export interface Arguments {
  readonly values: Readonly<Record<string, string | boolean | undefined>>;
  readonly positionals: readonly string[];
  /** What stood behind `--`, untouched. */
  readonly rest: readonly string[];
}

/** One subcommand; its file in this folder has its name. */
export interface Command {
  /** One line for the list of commands. */
  readonly summary: string;
  /** The full help, without the command's name in front. */
  readonly usage: string;
  readonly options: OptionTypes;
  /** Does it, and resolves with the exit code; with nothing where the process is to go on. */
  run(args: Arguments): Promise<number | undefined>;
}

/** Parses what stands behind the name of a command. */
export function parse(command: Command, argv: readonly string[]): Arguments {
  const end = argv.indexOf('--');
  const [own, rest] = end < 0 ? [argv, []] : [argv.slice(0, end), argv.slice(end + 1)];
  try {
    const { values, positionals } = parseArgs({
      args: [...own],
      options: { ...command.options, help: { type: 'boolean', short: 'h' } },
      allowPositionals: true,
    });
    return { values: values as Arguments['values'], positionals, rest };
  } catch (error) {
    throw new UsageError((error as Error).message);
  }
}

/** A whole number from the command line. */
export function wholeNumber(name: string, text: string, max: number): number {
  const value = Number(text);
  if (/^\d+$/.test(text) && value >= 1 && value <= max) return value;
  throw new UsageError(`${name}: expected a whole number from 1 to ${max}, got ${JSON.stringify(text)}`);
}

export function print(line: string): void {
  process.stdout.write(`${line}\n`);
}
