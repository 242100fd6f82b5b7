import { lookup } from 'node:dns/promises';
import { isIPv6 } from 'node:net';
import { addressOf } from '../../deploy/values.js';
import { UsageError } from '../command.js';
import { type RemoteTarget, remoteTarget } from '../release/remote-target.js';

/** A host whose clusters are upstreams. */
export interface StatusSource {
  /** As it is on the command line. */
  readonly text: string;
  /** The address under which the proxy reaches the host, with brackets around an IPv6 address. */
  readonly host: string;
  /** `undefined` for this host. */
  readonly remote: RemoteTarget | undefined;
}

/**
 * Parses `local,deployer@example.org:/srv/web,10.0.0.2=deployer@web2:/srv/web`. Names are resolved once: a proxy does
 * not start where one of its names cannot be resolved.
 */
export function statusSources(text: string): Promise<StatusSource[]> {
  return Promise.all(text.split(',').map(statusSource));
}

async function statusSource(text: string): Promise<StatusSource> {
  const [, given, where = ''] = /^(?:([^=@]*)=)?(.*)$/s.exec(text) ?? [];
  const remote = where === 'local' ? undefined : remoteTarget(where, 'deploy');
  if (where !== 'local' && remote === undefined) {
    throw new UsageError(`--watch: expected local or user@host:directory, got ${JSON.stringify(text)}`);
  }
  const host = given ?? remote?.rsyncDestination.replace(/^.*@/, '') ?? '127.0.0.1';
  const name = addressOf(`${host}:1`)?.host;
  const found = name === undefined ? undefined : await lookup(name).catch(() => undefined);
  if (found === undefined) {
    throw new UsageError(
      `--watch: ${JSON.stringify(host)} is no address that can be resolved. Put it in front: 10.0.0.2=${where}`,
    );
  }
  return { text, host: isIPv6(found.address) ? `[${found.address}]` : found.address, remote };
}
