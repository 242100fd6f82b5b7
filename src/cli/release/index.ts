import { type Command, didYouMean, UsageError } from '../command.js';
import { deployRelease } from './deploy-release.js';
import { listReleases } from './list-releases.js';
import { packRelease } from './pack-release.js';
import { type Action, checkFlags, releaseOptions } from './release-flags.js';
import { rollbackRelease } from './rollback-release.js';

const actions = {
  pack: packRelease,
  deploy: deployRelease,
  rollback: rollbackRelease,
  list: listReleases,
} as const satisfies Readonly<Record<Action, Command['run']>>;

export const release: Command = {
  summary: 'pack a release, deploy it to a directory or a host, return to the one before',
  synopsis: '<pack|deploy|rollback|list> [arguments] [options]',
  description: `A release is a directory or an archive with the files of the project, its production dependencies and a hash.

  pack [script]              writes a release: files that git tracks, without secrets
  deploy <target> [release]  unpacks it, points the link \`current\` to it, and reloads the cluster that runs from there
  rollback <target>          returns to the release before
  list <target>              prints the releases

A target is a directory, or user@host:directory for the ssh of your own. Without a release, \`deploy\` packs the project in
the working directory. When the new workers do not become ready, the link is moved back, and the exit code is 1.`,
  options: releaseOptions,
  examples: ['release deploy /srv/web', 'release rollback deployer@example.org:/srv/web'],
  completes: Object.keys(actions),
  async run(args) {
    const [name, ...positionals] = args.positionals;
    if (name === undefined || !Object.hasOwn(actions, name)) {
      const names = Object.keys(actions);
      const got = name === undefined ? '' : `, got ${JSON.stringify(name)}.${didYouMean(name, names)}`;
      throw new UsageError(`release: expected one of ${names.join(', ')}${got}`);
    }
    const action = name as Action;
    checkFlags(action, args);
    return actions[action]({ ...args, positionals });
  },
};
