import { type Command, onlyArgument, workerCount } from './command.js';
import { clusterOptions, command } from './running-cluster.js';

export const scale: Command = {
  summary: 'change the number of workers',
  synopsis: '<workers|max> [options]',
  description: `Forks the missing workers, or drains the surplus, the youngest first. \`max\` stands for the CPUs available to the
cluster.`,
  options: clusterOptions,
  examples: ['scale 4', 'scale max --name web'],
  run(args) {
    const workers = workerCount('scale', onlyArgument('scale', 'the number of workers', args));
    return command(args, { command: 'scale', workers });
  },
};
