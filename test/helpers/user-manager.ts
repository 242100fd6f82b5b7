import { existsSync, mkdirSync, readdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { afterwards, endChild, execFile, folder, startChild, until } from './daemons.js';

export interface UserManager {
  systemctl(...args: string[]): Promise<string>;
  /** One property of a unit. */
  show(unit: string, property: string): Promise<string>;
  /** What its services printed, where `StandardError=append:%t/log`. */
  log(): string;
}

/** A control group of its own, else the manager moves every process of the machine into one of its own. */
export const groupScript = `
for h in systemd unified memory pids cpu .; do h=/sys/fs/cgroup/$h
  [ -f $h/cgroup.procs ] && mkdir -p $h/$ID && echo $$ > $h/$ID/cgroup.procs; done`;

const script = `${groupScript}
exec unshare --mount --propagation private sh -c '
  mount -t tmpfs tmpfs /run/systemd && mkdir /run/systemd/system
  unset DBUS_SESSION_BUS_ADDRESS NOTIFY_SOCKET
  exec /lib/systemd/systemd --user --log-target=console --show-status=no'`;

/** Runs a systemd of the user with units of its own, in the network of the test. */
export async function startUserManager(units: Readonly<Record<string, string>>): Promise<UserManager> {
  const home = folder();
  const id = path.basename(home);
  const runtime = path.join(home, 'run');
  const log = path.join(runtime, 'log');
  const unitFolder = path.join(home, 'config/systemd/user');
  mkdirSync(runtime, { mode: 0o700 });
  mkdirSync(unitFolder, { recursive: true });
  for (const [name, text] of Object.entries(units)) {
    mkdirSync(path.dirname(path.join(unitFolder, name)), { recursive: true });
    writeFileSync(path.join(unitFolder, name), text);
  }
  const env = { XDG_RUNTIME_DIR: runtime, XDG_CONFIG_HOME: path.join(home, 'config'), HOME: home, ID: id };
  const child = startChild('sh', ['-c', script], env);
  const lines: string[] = [];
  for (const stream of [child.stdout, child.stderr]) {
    if (stream) createInterface({ input: stream }).on('line', (line) => lines.push(line));
  }
  const systemctl = async (...args: string[]): Promise<string> =>
    (await execFile('systemctl', ['--user', ...args], { env: { ...process.env, ...env } })).stdout.trim();
  afterwards(async () => {
    await endChild(child);
    removeControlGroups(id);
  });
  await until(async () => {
    if (child.exitCode !== null) throw new Error(`systemd --user ended:\n${lines.join('\n')}`);
    await systemctl('show-environment');
    return true;
  });
  return {
    systemctl,
    show: (unit, property) => systemctl('show', '--value', '-p', property, unit),
    log: () => (existsSync(log) ? readFileSync(log, 'utf8') : ''),
  };
}

export function removeControlGroups(id: string): void {
  for (const hierarchy of ['systemd', 'unified', 'memory', 'pids', 'cpu', '.']) {
    const group = path.join('/sys/fs/cgroup', hierarchy, id);
    if (existsSync(group)) removeTree(group);
  }
}

/** The files in a control group go with its folder. */
function removeTree(group: string): void {
  for (const entry of readdirSync(group, { withFileTypes: true })) {
    if (entry.isDirectory()) removeTree(path.join(group, entry.name));
  }
  try {
    rmdirSync(group);
  } catch {
    // a process in it is still on its way out
  }
}
