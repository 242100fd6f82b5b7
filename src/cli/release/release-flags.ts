import { type Arguments, type CommandOptions, jsonOption, UsageError } from '../command.js';
import { clusterOptions } from '../running-cluster.js';

export type Action = 'pack' | 'deploy' | 'rollback' | 'list';

interface Flag {
  readonly type: 'string' | 'boolean';
  readonly value?: string;
  readonly help: string;
  readonly actions: readonly Action[];
}

const packs: readonly Action[] = ['pack', 'deploy'];
const starts: readonly Action[] = ['deploy', 'rollback'];
const remote: readonly Action[] = ['deploy', 'rollback', 'list'];

/** The options of each action. */
const flags: Readonly<Record<string, Flag>> = {
  out: {
    type: 'string',
    value: '<path>',
    help: 'the directory of the release, or its file *.tgz; default: .',
    actions: ['pack'],
  },
  directory: { type: 'boolean', help: 'write a directory instead of an archive', actions: ['pack'] },
  include: {
    type: 'string',
    value: '<paths>',
    help: 'also files that git does not track, or secrets, such as dist,.env',
    actions: packs,
  },
  offline: {
    type: 'boolean',
    help: 'copy the installed packages instead of installing them from the lock file',
    actions: packs,
  },
  keep: {
    type: 'string',
    value: '<n>',
    help: 'the number of releases that remain; default: 5',
    actions: ['deploy'],
  },
  to: {
    type: 'string',
    value: '<id>',
    help: 'the release to return to; default: the one before',
    actions: ['rollback'],
  },
  seconds: {
    type: 'string',
    value: '<s>',
    help: 'the time in which a new worker must be ready; default: that of the cluster, 60',
    actions: starts,
  },
  start: {
    type: 'boolean',
    help: 'start a cluster when none runs; options of `start` follow `--`',
    actions: ['deploy'],
  },
  'reload-command': {
    type: 'string',
    value: '<command>',
    help: 'what replaces the workers, such as "systemctl reload web"',
    actions: starts,
  },
  node: {
    type: 'string',
    value: '<path>',
    help: 'the node of the other host; default: node',
    actions: remote,
  },
  name: { ...clusterOptions.name, actions: starts },
  pid: { ...clusterOptions.pid, actions: starts },
  'runtime-dir': { ...clusterOptions['runtime-dir'], actions: starts },
};

export const releaseOptions: CommandOptions = {
  ...Object.fromEntries(
    Object.entries(flags).map(([name, { actions, help, ...flag }]) => [
      name,
      { ...flag, help: `${actions.join(', ')}: ${help}` },
    ]),
  ),
  json: jsonOption,
};

/** Refuses options that only other actions have. */
export function checkFlags(action: Action, { values, rest }: Arguments): void {
  for (const [name, { actions }] of Object.entries(flags)) {
    if (values[name] !== undefined && !actions.includes(action)) {
      throw new UsageError(`--${name} is an option of release ${actions.join(', ')}, not of ${action}`);
    }
  }
  if (rest.length > 0 && values.start !== true) {
    throw new UsageError(`release: arguments after \`--\` are options of --start`);
  }
}

/** The flags that the program on another host receives. */
export function remoteFlags(action: Action, { values, rest }: Arguments): string[] {
  const here = new Set(['node', 'include', 'offline']);
  const given = Object.entries(flags).filter(
    ([name, { actions }]) => actions.includes(action) && !here.has(name),
  );
  const words = [...given.map(([name]) => name), 'json'].flatMap((name) => {
    const value = values[name];
    if (value === undefined) return [];
    return [value === true ? `--${name}` : `--${name}=${value}`];
  });
  return rest.length > 0 ? [...words, '--', ...rest] : words;
}
