#!/usr/bin/env node
import { readFileSync, realpathSync } from 'node:fs';
import path from 'node:path';
import { ProductionizeError } from '../support/errors.js';
import { type Command, exitCodes, parse, print, UsageError } from './command.js';
import { drill } from './drill/index.js';
import { precompress } from './precompress.js';
import { reload } from './reload.js';
import { scale } from './scale.js';
import { start } from './start.js';
import { status } from './status.js';
import { stop } from './stop.js';

const commands: Readonly<Record<string, Command>> = {
  start,
  status,
  reload,
  scale,
  stop,
  drill,
  precompress,
};

function help(): string {
  const width = Math.max(...Object.keys(commands).map((name) => name.length));
  return [
    'express-productionize <command>',
    '',
    ...Object.entries(commands).map(([name, { summary }]) => `  ${name.padEnd(width)}  ${summary}`),
    '',
    'express-productionize <command> --help says more. Exit codes: 0 done, 1 failed, 2 wrong arguments.',
  ].join('\n');
}

function version(): string {
  const file = path.join(path.dirname(realpathSync(process.argv[1] as string)), '../package.json');
  return (JSON.parse(readFileSync(file, 'utf8')) as { version: string }).version;
}

/** Resolves with the exit code, or with nothing where the process is to go on. */
async function main([name, ...argv]: readonly string[]): Promise<number | undefined> {
  if (name === '--help' || name === '-h' || name === 'help') {
    print(help());
    return exitCodes.done;
  }
  if (name === '--version' || name === '-v') {
    print(version());
    return exitCodes.done;
  }
  const command = name !== undefined && Object.hasOwn(commands, name) ? commands[name] : undefined;
  if (command === undefined) {
    process.stderr.write(
      name === undefined ? `${help()}\n` : `unknown command ${JSON.stringify(name)}\n\n${help()}\n`,
    );
    return exitCodes.usage;
  }
  try {
    const args = parse(command, argv);
    if (!args.values.help) return await command.run(args);
    print(`express-productionize ${name} ${command.usage}`);
    return exitCodes.done;
  } catch (error) {
    if (error instanceof UsageError) {
      process.stderr.write(`${error.message}\n\nexpress-productionize ${name} ${command.usage}\n`);
      return exitCodes.usage;
    }
    if (error instanceof ProductionizeError || (error as NodeJS.ErrnoException).code !== undefined) {
      process.stderr.write(`${(error as Error).message}\n`);
      return exitCodes.failed;
    }
    throw error;
  }
}

void main(process.argv.slice(2)).then((code) => {
  if (code !== undefined) process.exitCode = code;
});
