import type { DeploymentFacts } from '../deployment-facts.js';
import { serviceUnit, socketUnit } from '../systemd-units.js';
import { listOption, switchOption, textOption } from '../target-options.js';
import { isDirectory, isDirectoryList, isUser } from '../values.js';
import { oldestOf } from '../versions.js';
import type { Target } from './target.js';

/** Options of the units for systemd. */
export interface SystemdOptions {
  /** The directory of the project on the host. @default '/srv/<name>' */
  readonly directory?: string;
  /** The program Node. @default '/usr/bin/node' */
  readonly node?: string;
  /** The user that runs the app. @default a user that exists only while the service runs */
  readonly user?: string;
  /** A file with variables of the app, one `NAME=value` a line. @default undefined */
  readonly environmentFile?: string;
  /** Directories to which the app writes. @default /var/lib/<name> and /var/log/<name> only */
  readonly writable?: readonly string[];
  /** Whether systemd opens the port, so that no connection is refused during a restart. @default false */
  readonly socket?: boolean;
  /** Whether the unit is a template with one process for each instance; its name is the port. @default false */
  readonly template?: boolean;
}

/** A service of systemd with notifications, watchdog and sandbox; with a socket and as a template on request. */
export const systemd: Target<SystemdOptions> = {
  summary: 'systemd: a sandboxed service with readiness, watchdog and reload',
  since: oldestOf('systemd'),
  options: {
    directory: textOption(
      '<dir>',
      'the directory of the project on the host; default: /srv/<name>',
      isDirectory,
    ),
    node: textOption('<file>', 'the program Node; default: /usr/bin/node', isDirectory),
    user: textOption(
      '<user>',
      'the user of the app; default: one that exists while the service runs',
      isUser,
    ),
    environmentFile: textOption('<file>', 'a file with variables such as secrets, NAME=value', isDirectory),
    writable: listOption('<dirs>', 'directories to which the app writes', isDirectoryList),
    socket: switchOption('systemd opens the port, so that a restart refuses no connection; default: no'),
    template: switchOption('one process per instance, whose name is its port; default: no'),
  },
  generate(facts, options) {
    const settings = { ...facts, ...settingsOf(facts, options) };
    const base = settings.template ? `${facts.name}@` : facts.name;
    return [
      { name: `${base}.service`, comment: '#', text: serviceUnit(settings) },
      ...(settings.socket
        ? [{ name: `${base}.socket`, comment: '#' as const, text: socketUnit(settings) }]
        : []),
    ];
  },
  advice(facts, options) {
    const { name, port, readsPort, workers } = facts;
    const { user, socket, template, writable, directory } = settingsOf(facts, options);
    const instance = template ? `${name}@${port}` : name;
    const units = socket ? `${instance}.socket ${instance}.service` : `${instance}.service`;
    return [
      `Copy the files to /etc/systemd/system, and run \`systemctl daemon-reload && systemctl enable --now ${units}\`.`,
      `Install the app with its production dependencies, express-productionize included, in ${directory}, readable for its user.`,
      ...(user === undefined
        ? []
        : [`Create the user: \`useradd --system --shell /usr/sbin/nologin ${user}\`.`]),
      ...(writable && user === undefined
        ? ['Set the option user: the directories in writable must belong to a user that exists.']
        : []),
      ...(template && !readsPort && !socket
        ? [`Listen on process.env.PORT ?? ${port}: all instances listen on port ${port}.`]
        : []),
      template || workers === 1
        ? `Replace the app by \`systemctl restart ${instance}\`: one process has no reload.`
        : `Replace the app without a lost request by \`systemctl reload ${instance}\`.`,
    ];
  },
};

function settingsOf({ name }: DeploymentFacts, options: SystemdOptions) {
  return { directory: `/srv/${name}`, node: '/usr/bin/node', socket: false, template: false, ...options };
}
