import type { Command } from './command.js';
import { clusterOptions, clusterOptionsHelp, command, noMore } from './running-cluster.js';

export const reload: Command = {
  summary: 'replace all workers one by one, without losing a request',
  usage: `[options]

Waits until all workers are replaced. When a new worker does not get ready the old ones go on serving, the reason is
printed, and the exit code is 1. SIGHUP to the primary does the same.

${clusterOptionsHelp}`,
  options: clusterOptions,
  run(args) {
    noMore(args.positionals);
    return command(args, { command: 'reload' });
  },
};
