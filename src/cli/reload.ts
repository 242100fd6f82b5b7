import type { Command } from './command.js';
import { clusterOptions, command, noMore } from './running-cluster.js';

export const reload: Command = {
  summary: 'replace all workers one by one, without losing a request',
  synopsis: '[options]',
  description: `Returns when all workers are replaced. When a new worker does not become ready, the old workers continue to serve, the
reason is printed, and the exit code is 1. SIGHUP to the primary does the same.`,
  options: clusterOptions,
  examples: ['reload', 'reload --name web'],
  run(args) {
    noMore('reload', args.positionals);
    return command(args, { command: 'reload' });
  },
};
