import type { Command } from './command.js';
import { clusterOptions, command, noMore } from './running-cluster.js';

export const stop: Command = {
  summary: 'drain all workers and exit',
  synopsis: '[options]',
  description: 'Returns when the cluster has begun to drain. SIGTERM to the primary does the same.',
  options: clusterOptions,
  examples: ['stop', 'stop --name web'],
  run(args) {
    noMore('stop', args.positionals);
    return command(args, { command: 'stop' });
  },
};
