import type { Command } from './command.js';
import { clusterOptions, command, noMore } from './running-cluster.js';

export const reload: Command = {
  summary: 'replace all workers one by one, without losing a request',
  synopsis: '[options]',
  description: `Returns when all workers are replaced. When a new worker does not become ready, the old workers continue to serve, the
reason is printed, and the exit code is 1. With --on, one host follows the other, up to the first failure. SIGHUP to the primary does the same.`,
  options: clusterOptions,
  examples: ['reload', 'reload --on deployer@web1,deployer@web2'],
  hostByHost: true,
  // a new worker may need the whole time of `startMs`, and there are many
  hostLimitMs: () => 3_600_000,
  run(args) {
    noMore('reload', args.positionals);
    return command(args, { command: 'reload' });
  },
};
