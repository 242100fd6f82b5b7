import { textOption } from '../target-options.js';
import { isLogPath, isUser } from '../values.js';
import type { Target } from './target.js';

/** Options of the configuration for logrotate. */
export interface LogrotateOptions {
  /** The files to which the app logs. @default '/var/log/<name>/*.log' */
  readonly log?: string;
  /** The user that owns the files. @default undefined */
  readonly user?: string;
}

/** The rotation of log files. Lines on stdout need none: the process manager stores them. */
export const logrotate: Target<LogrotateOptions> = {
  summary: 'logrotate: the rotation of the files to which the app logs',
  since: 'logrotate 3.8',
  options: {
    log: textOption('<file>', 'the log files; default: /var/log/<name>/*.log', isLogPath),
    user: textOption('<user>', 'the user that owns the files, with its group of the same name', isUser),
  },
  generate({ name }, { log = `/var/log/${name}/*.log`, user }) {
    const owner =
      user === undefined
        ? ''
        : `
    # logrotate refuses a directory to which others may write, unless it works as its user
    su ${user} ${user}`;
    const text = `${log} {
    daily
    maxsize 100M
    rotate 14
    compress
    missingok
    notifempty
    # the app does not open its file again: after a rename it would write on to the renamed file.
    # Lines that are written between the copy and the truncation are lost; log to stdout to lose none.
    copytruncate${owner}
}
`;
    return [{ name, comment: '#', text }];
  },
  advice(facts, options) {
    const { log = `/var/log/${facts.name}/app.log` } = options;
    return [
      `Log to that file: \`logger: { destination: '${log.replaceAll('*', 'app')}' }\`.`,
      `Copy the file to /etc/logrotate.d, owned by root with mode 644, and check it by \`logrotate --debug /etc/logrotate.d/${facts.name}\`.`,
    ];
  },
};
