import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterwards, endChild, execFile, folder, startChild, until } from './daemons.js';

/** A host with its own network, reached by ssh only. It has the file system of this machine. */
export interface SecondHost {
  /** Its name for ssh. */
  readonly name: string;
  readonly address: string;
  /** A directory with an `ssh` that knows the host, for the begin of PATH. */
  readonly bin: string;
  /** The end of its cable on this machine. */
  readonly link: string;
  /** Ends its sshd, so that it refuses connections. */
  end(): Promise<void>;
}

const port = 2222;
/** Sections of the configuration of ssh, one for each host so far. */
const known: string[] = [];

/**
 * Starts a real sshd in a network namespace of its own. The `ssh` of a later host also knows the earlier ones.
 *
 * @param environment the variables of its sessions
 */
export async function startSecondHost(
  environment: Readonly<Record<string, string>>,
  name = 'second',
): Promise<SecondHost> {
  const id = `${process.pid}${String.fromCharCode(97 + known.length)}`;
  const namespace = `release-${id}`;
  const [outer, inner] = [`rel${id}a`.slice(-15), `rel${id}b`.slice(-15)];
  const network = `10.${77 + known.length}.${process.pid % 256}`;
  const address = `${network}.2`;
  const home = folder();
  const ip = (...args: string[]) => execFile('ip', args);
  await ip('netns', 'add', namespace);
  afterwards(() => ip('netns', 'del', namespace));
  // the sessions of sshd outlive it without their network, and hold its stderr
  afterwards(async () => {
    const { stdout } = await ip('netns', 'pids', namespace);
    for (const pid of stdout.split('\n').filter(Boolean)) endProcess(Number(pid));
  });
  await ip('link', 'add', outer, 'type', 'veth', 'peer', 'name', inner, 'netns', namespace);
  afterwards(() => ip('link', 'del', outer));
  await ip('addr', 'add', `${network}.1/24`, 'dev', outer);
  await ip('link', 'set', outer, 'up');
  await ip('-n', namespace, 'addr', 'add', `${address}/24`, 'dev', inner);
  await ip('-n', namespace, 'link', 'set', inner, 'up');
  await ip('-n', namespace, 'link', 'set', 'lo', 'up');

  const file = (name: string) => path.join(home, name);
  await execFile('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', file('host')]);
  await execFile('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', file('id')]);
  const variables = Object.entries({ ...environment, HOST: address }).map(
    ([name, value]) => `${name}=${value}`,
  );
  writeFileSync(
    file('sshd_config'),
    [
      `Port ${port}`,
      `ListenAddress ${address}`,
      `HostKey ${file('host')}`,
      `AuthorizedKeysFile ${file('id.pub')}`,
      'StrictModes no',
      'UsePAM no',
      'PidFile none',
      `SetEnv ${variables.join(' ')}`,
      '',
    ].join('\n'),
  );
  mkdirSync('/run/sshd', { recursive: true });
  const { stdout } = await execFile('sh', ['-c', 'command -v sshd']);
  const sshd = startChild('ip', [
    'netns',
    'exec',
    namespace,
    stdout.trim(),
    '-D',
    '-e',
    '-f',
    file('sshd_config'),
  ]);
  afterwards(() => endChild(sshd));

  known.push(
    [
      `Host ${name}`,
      `HostName ${address}`,
      `Port ${port}`,
      `IdentityFile ${file('id')}`,
      'IdentitiesOnly yes',
      'StrictHostKeyChecking no',
      'UserKnownHostsFile /dev/null',
      'LogLevel ERROR',
      '',
    ].join('\n'),
  );
  writeFileSync(file('ssh_config'), known.join('\n'));
  const bin = file('bin');
  mkdirSync(bin);
  const { stdout: ssh } = await execFile('sh', ['-c', 'command -v ssh']);
  writeFileSync(path.join(bin, 'ssh'), `#!/bin/sh\nexec ${ssh.trim()} -F ${file('ssh_config')} "$@"\n`);
  chmodSync(path.join(bin, 'ssh'), 0o755);
  await until(
    async () => (await execFile(path.join(bin, 'ssh'), [`root@${name}`, 'echo', 'up'])).stdout === 'up\n',
  );
  return { name, address, bin, link: outer, end: () => endChild(sshd) };
}

function endProcess(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}
