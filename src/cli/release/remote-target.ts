import { UsageError } from '../command.js';

/** A target on another host. */
export interface RemoteTarget {
  /** The host for ssh, with the user where one is given. */
  readonly destination: string;
  /** The same with brackets around an IPv6 address, as rsync reads it. */
  readonly rsyncDestination: string;
  readonly directory: string;
}

/**
 * Parses `user@host:dir`. As for scp, a colon before the first slash makes a target remote. Names that ssh could read as
 * an option are refused.
 */
export function remoteTarget(text: string, command = 'release'): RemoteTarget | undefined {
  const [, user, host, given] = /^(?:([^/:@]*)@)?(\[[^\]/]*\]|[^/:[\]]*):(.*)$/s.exec(text) ?? [];
  if (host === undefined || given === undefined) return undefined;
  const plain = host.replace(/^\[|\]$/g, '');
  const isHost = host.startsWith('[') ? /^[\da-f:.]+(%\w+)?$/i.test(plain) : /^\w[\w.-]*$/.test(host);
  if (!isHost || (user !== undefined && !/^\w[\w.+-]*\$?$/.test(user))) {
    throw new UsageError(`${command}: expected user@host:directory, got ${JSON.stringify(text)}`);
  }
  const relative = given.replace(/^~\/+/, '');
  if (relative === '' || relative === '~' || /[\0\r\n]/.test(relative)) {
    throw new UsageError(`${command}: expected a directory after the host, got ${JSON.stringify(text)}`);
  }
  const at = user === undefined ? '' : `${user}@`;
  return {
    destination: `${at}${plain}`,
    rsyncDestination: `${at}${host}`,
    directory: relative.startsWith('-') ? `./${relative}` : relative,
  };
}
