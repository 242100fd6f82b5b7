import { type Command, type CommandOptions, didYouMean, exitCodes, UsageError } from './command.js';
import { alignColumns, paint, print } from './output.js';

export const program = 'express-productionize';

export type Commands = Readonly<Record<string, Command>>;

/** The help of the program: its commands, two examples and its exit codes. */
export function generalHelp(commands: Commands): string {
  return [
    usageLine('<command> [options]'),
    '',
    ...indented(Object.entries(commands).map(([name, { summary }]) => [name, summary])),
    '',
    ...examplesOf(['start app.js', 'status']),
    '',
    `\`${program} help <command>\` prints the options of a command.`,
    'Exit codes: 0 done, 1 failed, 2 wrong arguments.',
  ].join('\n');
}

/** The help of one command. */
export function commandHelp(name: string, { synopsis, description, options, examples }: Command): string {
  const flags = indented(Object.entries(options).map(([option, spec]) => [flagOf(option, spec), spec.help]));
  return [
    usageLine(`${name} ${synopsis}`.trimEnd()),
    '',
    description,
    ...(flags.length > 0 ? ['', ...flags] : []),
    '',
    ...examplesOf(examples),
  ].join('\n');
}

/** The command `help`, which prints the help of the program or of the given command. */
export function helpCommand(commands: Commands): Command {
  return {
    summary: 'print the options of a command',
    synopsis: '[command]',
    description: 'Prints the list of commands, or the options of one.',
    options: { json: { type: 'boolean', help: 'print the commands and their options as JSON' } },
    examples: ['help start', 'help drill'],
    get completes() {
      return Object.keys(commands);
    },
    async run({ values, positionals: [name] }) {
      if (name !== undefined && !Object.hasOwn(commands, name)) {
        throw new UsageError(unknownCommand(name, commands));
      }
      if (values.json) {
        const named = Object.entries(commands).filter(([command]) => command === (name ?? command));
        print(JSON.stringify(named.map(([command, { run, ...rest }]) => ({ name: command, ...rest }))));
      } else print(name === undefined ? generalHelp(commands) : commandHelp(name, commands[name] as Command));
      return exitCodes.done;
    },
  };
}

export function unknownCommand(name: string, commands: Commands): string {
  return `unknown command ${JSON.stringify(name)}.${didYouMean(name, Object.keys(commands))}`;
}

export function usageLine(line: string): string {
  return `${paint('bold', 'Usage:')} ${program} ${line}`;
}

function flagOf(name: string, { short, value }: CommandOptions[string]): string {
  return `${short ? `-${short}, ` : ''}--${name}${value ? ` ${value}` : ''}`;
}

function examplesOf(examples: readonly string[]): string[] {
  return [paint('bold', 'Examples:'), ...examples.map((example) => `  ${program} ${example}`)];
}

function indented(rows: readonly (readonly string[])[]): string[] {
  return alignColumns(rows, () => false).map((line) => `  ${line}`);
}
