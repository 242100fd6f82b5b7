import { execFileSync } from 'node:child_process';
import path from 'node:path';
import type { DeploymentFile } from '../deploy/deployment-files.js';
import { type Arguments, CommandError, UsageError } from './command.js';
import { print } from './output.js';
import { writeOwnFiles } from './own-file-writer.js';

/** The directory of units that an administrator installs. */
const directory = '/etc/systemd/system';

export const installFlags = {
  install: { type: 'boolean', help: 'systemd: write the units, load and start them; as root' },
  'dry-run': { type: 'boolean', help: 'systemd: print what --install would write and run' },
} as const;

/** Whether units are to be installed. It refuses what an installation cannot do, before the app is started. */
export function installs(target: string, { values }: Arguments): boolean {
  if (values.install !== true && values['dry-run'] !== true) return false;
  if (target !== 'systemd') {
    throw new UsageError(`--install and --dry-run are options of systemd, not of ${target}`);
  }
  if (values.out !== undefined) throw new UsageError(`--out: units are installed in ${directory}`);
  if (values['dry-run'] !== true && process.getuid?.() !== 0) {
    throw new CommandError(
      `Only root may write to ${directory}. Run the command with sudo, or print what it would do with --dry-run.`,
    );
  }
  return true;
}

/** Writes units, loads them, and starts them now and at each boot; with --dry-run it prints this instead. */
export function installUnits(
  files: readonly DeploymentFile[],
  port: number | undefined,
  { values }: Arguments,
): void {
  // the instance of a template is its port
  const units = files.map(({ name }) => name.replace('@.', `@${port}.`));
  const commands = [
    ['systemctl', 'daemon-reload'],
    ['systemctl', 'enable', '--now', ...units],
  ] as const;
  if (values['dry-run'] === true) {
    for (const { name, text } of files) print(`write ${path.join(directory, name)}:\n${text}`);
    for (const command of commands) print(`run ${command.join(' ')}`);
    return;
  }
  for (const file of writeOwnFiles(directory, files, values.force === true)) print(`written: ${file}`);
  for (const [program, ...args] of commands) {
    print(`run ${[program, ...args].join(' ')}`);
    try {
      execFileSync(program, args, { stdio: ['ignore', 2, 2] });
    } catch {
      throw new CommandError(
        `\`${[program, ...args].join(' ')}\` failed. \`journalctl -u ${units[0]}\` has the reason.`,
      );
    }
  }
}
