import { maxWorkers } from '../process/cluster/worker-count.js';
import { type Command, UsageError, wholeNumber } from './command.js';
import { clusterOptions, clusterOptionsHelp, command, noMore } from './running-cluster.js';

export const scale: Command = {
  summary: 'change the number of workers',
  usage: `<workers> [options]

New workers are forked; those that are too many drain, the youngest first.

${clusterOptionsHelp}`,
  options: clusterOptions,
  run(args) {
    const [workers, ...more] = args.positionals;
    if (workers === undefined) throw new UsageError('scale: expected the number of workers');
    noMore(more);
    return command(args, { command: 'scale', workers: wholeNumber('scale', workers, maxWorkers) });
  },
};
