import type { Command } from './command.js';
import { clusterOptions, command, noMore } from './running-cluster.js';

export const metrics: Command = {
  summary: 'print the metrics of all workers',
  synopsis: '[options]',
  description: `Prints the merged metrics of the workers in the text format of Prometheus, through the control socket: no port is
needed. The app needs the option \`metrics\`; without it, only the counts of the cluster itself are printed.`,
  options: clusterOptions,
  examples: ['metrics', 'metrics --name web'],
  run(args) {
    noMore('metrics', args.positionals);
    return command(args, { command: 'metrics' });
  },
};
