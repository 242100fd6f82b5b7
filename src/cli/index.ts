#!/usr/bin/env node
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { ProductionizeError } from '../support/errors.js';
import { type Command, CommandError, exitCodes, parse, UsageError } from './command.js';
import { health } from './health.js';
import { commandHelp, generalHelp, program, unknownCommand, usageLine } from './help.js';
import { paint, print, printError } from './output.js';
import { ownDirectory } from './own-files.js';

/** A container runs `health` every few seconds, so it loads no other command: they would take most of its time. */
async function commandsFor(name: string | undefined): Promise<Readonly<Record<string, Command>>> {
  return name === 'health' ? { health } : (await import('./command-list.js')).commands;
}

function version(): string {
  const file = path.join(ownDirectory, '../package.json');
  return (JSON.parse(readFileSync(file, 'utf8')) as { version: string }).version;
}

/** Runs the command line. Resolves with the exit code, or with `undefined` when the process continues to run. */
async function main([first, ...argv]: readonly string[]): Promise<number | undefined> {
  if (first === '--version' || first === '-v') {
    print(version());
    return exitCodes.done;
  }
  const name = first === '--help' || first === '-h' ? 'help' : first;
  const commands = await commandsFor(name);
  const command = name !== undefined && Object.hasOwn(commands, name) ? commands[name] : undefined;
  if (name === undefined || command === undefined) {
    if (name === undefined) printError(generalHelp(commands));
    else printError(`${failure(unknownCommand(name, commands))}\n\n\`${program} help\` lists the commands.`);
    return exitCodes.usage;
  }
  try {
    const args = parse(name, command, argv);
    if (!args.values.help && args.values.on !== undefined && !command.followsHosts) {
      // a second file behind an import() would split what it shares with others into more files
      return await (await import('./command-list.js')).onHosts(name, command, args);
    }
    if (!args.values.help) return await command.run(args);
    print(commandHelp(name, command));
    return exitCodes.done;
  } catch (error) {
    if (error instanceof UsageError) {
      const usage = usageLine(`${name} ${command.synopsis}`);
      printError(`${failure(error.message)}\n\n${usage}\n\`${program} help ${name}\` prints the options.`);
      return exitCodes.usage;
    }
    const { code, message } = error as NodeJS.ErrnoException;
    if (error instanceof CommandError || error instanceof ProductionizeError || code !== undefined) {
      printError(failure(message));
      return exitCodes.failed;
    }
    throw error;
  }
}

const failure = (message: string): string => paint('red', message, process.stderr);

void main(process.argv.slice(2)).then((code) => {
  if (code !== undefined) process.exitCode = code;
});
