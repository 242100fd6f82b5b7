import type { DeploymentFacts } from '../deployment-facts.js';
import { secondsFor } from '../process-facts.js';
import { shellWord } from '../shell-word.js';
import { textOption } from '../target-options.js';
import { isDirectory, isUser } from '../values.js';
import type { Target } from './target.js';

/** Options of the job for Upstart. */
export interface UpstartOptions {
  /** The directory of the project on the host. @default '/srv/<name>' */
  readonly directory?: string;
  /** The program Node. @default '/usr/bin/node' */
  readonly node?: string;
  /** The user that runs the app. @default 'www-data' */
  readonly user?: string;
}

/** A job of Upstart, for hosts that still have it. Ubuntu replaced it by systemd in 2015. */
export const upstart: Target<UpstartOptions> = {
  summary: 'Upstart: a job for hosts from before systemd (historical)',
  since: 'upstart 1.10',
  options: {
    directory: textOption(
      '<dir>',
      'the directory of the project on the host; default: /srv/<name>',
      isDirectory,
    ),
    node: textOption('<file>', 'the program Node; default: /usr/bin/node', isDirectory),
    user: textOption('<user>', 'the user of the app; default: www-data', isUser),
  },
  generate(facts, options) {
    const { name, script, port, workers, shutdownMs } = facts;
    const { directory, node, user } = settingsOf(facts, options);
    const program = `${directory}/node_modules/express-productionize/dist/cli.js`;
    const count = workers === 'max' ? '' : ` --workers ${workers}`;
    const text = `# historical: Ubuntu replaced Upstart by systemd in 2015. No test runs this job on a real Upstart.
description "${name}"

start on runlevel [2345]
stop on runlevel [!2345]

setuid ${user}
chdir ${directory}
env NODE_ENV=production
env PORT=${port}
exec ${node} ${program} start ${shellWord(`${directory}/${script}`)} --name ${name}${count}
console log

respawn
respawn limit 10 60
# the app ends within ${shutdownMs / 1000} s after SIGTERM; the default is 5 s
kill timeout ${secondsFor(shutdownMs)}
# \`reload\` sends SIGHUP, which replaces the workers one by one
reload signal HUP
`;
    return [{ name: `${name}.conf`, comment: '#', text }];
  },
  advice(facts, options) {
    const { user } = settingsOf(facts, options);
    return [
      `Copy the file to /etc/init, and run \`start ${facts.name}\`.`,
      `The user ${user} must be able to read the directory of the project.`,
      'Prefer the target systemd: Upstart reports no readiness and has no watchdog.',
    ];
  },
};

function settingsOf(
  { name }: DeploymentFacts,
  { directory = `/srv/${name}`, node = '/usr/bin/node', user = 'www-data' }: UpstartOptions,
): Required<UpstartOptions> {
  return { directory, node, user };
}
