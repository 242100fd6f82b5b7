import { attempt } from '../../support/attempt.js';
import { type Arguments, UsageError } from '../command.js';
import { program as programName } from '../help.js';
import { program, words } from '../release/remote.js';
import { type RemoteTarget, remoteTarget } from '../release/remote-target.js';

/** A host on which commands run. */
export interface Host {
  /** As it is on the command line. */
  readonly text: string;
  /** `undefined` for this machine. */
  readonly remote: RemoteTarget | undefined;
  /** Whether the program is that of the directory, and not one that the shell of the host finds. */
  readonly inDirectory: boolean;
}

/** Parses `--on deployer@web1,deployer@web2:/srv/web,local`, which may be repeated. */
export function hostsOf({ values }: Arguments): Host[] {
  const hosts = (values.on as readonly string[]).flatMap((list) => list.split(',')).map(hostOf);
  const twice = hosts.find(({ text }, i) => hosts.findIndex((other) => other.text === text) !== i);
  if (twice !== undefined) throw new UsageError(`--on: ${JSON.stringify(twice.text)} is given twice`);
  return hosts;
}

function hostOf(text: string): Host {
  if (text === 'local') return { text, remote: undefined, inDirectory: false };
  const withDirectory = remoteTarget(text, '--on');
  const remote = withDirectory ?? attempt(() => remoteTarget(`${text}:.`));
  if (remote === undefined) {
    throw new UsageError(
      `--on: expected user@host, user@host:directory or local, got ${JSON.stringify(text)}`,
    );
  }
  return { text, remote, inDirectory: withDirectory !== undefined };
}

/** The line for the shell of a host that replaces the shell by a command of this program. */
export function programOn(
  host: Pick<Host, 'inDirectory'> & { remote: RemoteTarget },
  node: string,
  args: readonly string[],
): string {
  if (host.inDirectory) {
    // a directory of releases, or a project
    const enter = `cd ${words(host.remote.directory)} && { cd current 2>/dev/null || :; }`;
    return `${enter} && exec ${words(node, program, ...args)}`;
  }
  const installed = `command -v ${programName} >/dev/null 2>&1 && exec ${words(programName, ...args)}`;
  return `${installed}; exec ${words('npx', '--no-install', programName, ...args)}`;
}

/** The arguments that a command receives on a host: those of this command line, and `--json`. */
export function argumentsOn(name: string, { values, positionals, rest }: Arguments): string[] {
  const flags = Object.entries(values).flatMap(([flag, value]) => {
    if (value === undefined || ['on', 'remote-node', 'json'].includes(flag)) return [];
    if (typeof value === 'boolean') return value ? [`--${flag}`] : [];
    return [value].flat().map((each) => `--${flag}=${each}`);
  });
  return [name, ...positionals, ...flags, '--json', ...(rest.length > 0 ? ['--', ...rest] : [])];
}
