import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { afterwards, endChild, execFile, folder, startChild, until } from './daemons.js';
import { groupScript, removeControlGroups } from './user-manager.js';

export interface SystemManager {
  systemctl(...args: string[]): Promise<string>;
  /** One property of a unit. */
  show(unit: string, property: string): Promise<string>;
  /** Runs a program beside the services. */
  run(...command: string[]): Promise<string>;
}

// a copy of the root of this machine that is thrown away, in the network of the test
const script = `${groupScript}
exec unshare --mount --propagation private sh -c '
  mount -t tmpfs tmpfs /run/systemd && mount --bind / $ROOT
  exec systemd-nspawn -q -D $ROOT --machine=$ID --volatile=overlay --register=no --keep-unit --link-journal=no \\
    --boot --console=pipe "$@" -- systemd.unit=basic.target' sh "$@"`;

/**
 * Boots a systemd of the system with units of its own.
 *
 * @param binds what it sees of the machine besides the root: `from:to`, read-only
 */
export async function startSystemManager(
  units: Readonly<Record<string, string>>,
  binds: readonly string[],
): Promise<SystemManager> {
  const home = folder();
  const id = path.basename(home);
  const root = path.join(home, 'root');
  const unitFolder = path.join(home, 'units');
  mkdirSync(root);
  for (const [name, text] of Object.entries(units)) {
    mkdirSync(path.dirname(path.join(unitFolder, name)), { recursive: true });
    writeFileSync(path.join(unitFolder, name), text);
  }
  const bound = [`${unitFolder}:/run/systemd/system`, ...binds].map((bind) => `--bind-ro=${bind}`);
  const child = startChild('sh', ['-c', script, 'sh', ...bound], { ID: id, ROOT: root });
  const printed: string[] = [];
  for (const stream of [child.stdout, child.stderr]) {
    if (stream) createInterface({ input: stream }).on('line', (line) => printed.push(line));
  }
  afterwards(async () => {
    await endChild(child);
    removeControlGroups(id);
  });
  let init: string | undefined;
  const run = async (...command: string[]): Promise<string> =>
    (await execFile('nsenter', ['-t', String(init), '-a', ...command])).stdout.trim();
  await until(async () => {
    if (child.exitCode !== null) throw new Error(`systemd-nspawn ended:\n${printed.join('\n')}`);
    init = readFileSync(`/proc/${child.pid}/task/${child.pid}/children`, 'utf8').trim().split(' ')[0];
    return init && (await run('systemctl', 'is-active', 'basic.target')) === 'active';
  });
  return {
    run,
    systemctl: (...args) => run('systemctl', ...args),
    show: (unit, property) => run('systemctl', 'show', '--value', '-p', property, unit),
  };
}
