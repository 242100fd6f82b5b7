import type { Command } from './command.js';
import { clusterOptions, clusterOptionsHelp, command, noMore } from './running-cluster.js';

export const stop: Command = {
  summary: 'drain all workers and end',
  usage: `[options]

Returns when the cluster has begun to drain. SIGTERM to the primary does the same.

${clusterOptionsHelp}`,
  options: clusterOptions,
  run(args) {
    noMore(args.positionals);
    return command(args, { command: 'stop' });
  },
};
