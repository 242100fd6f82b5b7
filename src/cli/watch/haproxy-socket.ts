import net from 'node:net';
import { text } from 'node:stream/consumers';
import { addressOf } from '../../deploy/values.js';

interface Server {
  readonly name: string;
  readonly address: string;
  /** Whether it is in maintenance or drained, by the file or an operator. */
  readonly isMaintained: boolean;
  readonly isDrained: boolean;
}

/** Bits of `srv_admin_state`. */
const [maintained, drained] = [1, 8];

/** Sends a command to the admin socket of HAProxy. */
async function send(socket: string, command: string): Promise<string> {
  const connection = net.connect(socket);
  connection.setTimeout(5000, () => connection.destroy(new Error('HAProxy does not respond')));
  connection.end(`${command}\n`);
  return (await text(connection)).trim();
}

/** The servers of a backend; `undefined` where HAProxy does not run, or has no such backend. */
export async function serversOf(socket: string, backend: string): Promise<Server[] | undefined> {
  const output = await send(socket, `show servers state ${backend}`).catch(() => '');
  const [, head = '', ...lines] = output.split('\n');
  const names = head.replace(/^# /, '').split(' ');
  if (!names.includes('srv_admin_state')) return undefined;
  return lines.map((line) => {
    const values = line.split(' ');
    const of = (name: string) => values[names.indexOf(name)] ?? '';
    const host = of('srv_addr');
    const state = Number(of('srv_admin_state'));
    return {
      name: `${backend}/${of('srv_name')}`,
      address: `${host.includes(':') ? `[${host}]` : host}:${of('srv_port')}`,
      isMaintained: (state & maintained) !== 0,
      isDrained: (state & drained) !== 0,
    };
  });
}

/**
 * Makes the servers of a running HAProxy those of a list: missing ones are drained, new ones take the place of servers
 * without an address. What is in both lists is left to the operator. Returns false where there is no place.
 */
export async function setServers(
  socket: string,
  servers: readonly Server[],
  before: readonly string[],
  upstreams: readonly string[],
): Promise<boolean> {
  const commands: string[] = [];
  const free = servers
    .filter(
      ({ address, isMaintained, isDrained }) => !upstreams.includes(address) && (isMaintained || isDrained),
    )
    .sort((one, other) => Number(other.isMaintained) - Number(one.isMaintained));
  for (const upstream of upstreams) {
    const server = servers.find(({ address }) => address === upstream);
    const place = server ?? free.shift();
    if (place === undefined) return false;
    const { host, port } = addressOf(upstream) as { host: string; port: number };
    if (server === undefined) commands.push(`set server ${place.name} addr ${host} port ${port}`);
    if (server === undefined || !before.includes(upstream))
      commands.push(`set server ${place.name} state ready`);
  }
  for (const { name, address, isMaintained, isDrained } of servers) {
    if (!upstreams.includes(address) && !isMaintained && !isDrained) {
      commands.push(`set server ${name} state drain`);
    }
  }
  for (const command of commands) await send(socket, command);
  return true;
}
