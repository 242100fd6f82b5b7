import { inodeOf } from '../../support/accept-queue.js';
import { debugFor } from '../../support/debug.js';
import { ProductionizeError, quote } from '../../support/errors.js';
import { listeningSockets } from '../../support/listening-sockets.js';
import { processWide } from '../../support/process-wide.js';
import { inheritedSocketsKey } from '../../support/symbols.js';
import { unobserved } from '../../support/unobserved.js';
import { descriptorOf } from './notify-link.js';

const debug = debugFor('systemd');

/** A listening socket that the service manager opened before this process started. */
export interface InheritedSocket {
  readonly fd: number;
  /** The `FileDescriptorName=` of its unit. Systemd's default is the name of the unit. */
  readonly name: string;
  /** Its TCP port, where the operating system provides it. */
  readonly port: number | undefined;
}

/** Passes the inherited sockets of a cluster's primary to its workers, with the descriptor numbers of the primary. */
export const workerSocketsVariable = 'EXPRESS_PRODUCTIONIZE_LISTEN_FDS';

/** The first descriptor that is passed (sd_listen_fds(3)). */
const first = 3;
const most = 256;

interface Inheritance {
  sockets: readonly InheritedSocket[] | undefined;
  /** Descriptors on which a server of this process listens. */
  readonly used: Set<number>;
}

const inheritance = processWide<Inheritance>(inheritedSocketsKey, () => ({
  sockets: undefined,
  used: new Set(),
}));

/**
 * The sockets that were passed to this process. The first call reads the variables and removes them from `process.env`,
 * because they are not for child processes.
 *
 * @throws ProductionizeError when the variables are meant for this process and are invalid.
 */
export function inheritedSockets(env: NodeJS.ProcessEnv = process.env): readonly InheritedSocket[] {
  inheritance.sockets ??= take(env);
  return inheritance.sockets;
}

function take(env: NodeJS.ProcessEnv): InheritedSocket[] {
  const fromPrimary = env[workerSocketsVariable];
  if (fromPrimary !== undefined) {
    delete env[workerSocketsVariable];
    return JSON.parse(fromPrimary);
  }
  const { LISTEN_PID: pid, LISTEN_FDS: fds, LISTEN_FDNAMES: names } = env;
  if (fds === undefined || pid === undefined) return [];
  if (!/^\d+$/.test(pid)) throw wrong(`expected LISTEN_PID to be a process id, got ${quote(pid)}`);
  if (Number(pid) !== process.pid) {
    debug(() => ['LISTEN_FDS is for process %s, not for this one', pid]);
    return [];
  }
  if (!/^\d+$/.test(fds) || Number(fds) > most) {
    throw wrong(`expected LISTEN_FDS to be a number of sockets up to ${most}, got ${quote(fds)}`);
  }
  const named = names?.split(':') ?? [];
  const sockets = Array.from({ length: Number(fds) }, (_, i): InheritedSocket => {
    const fd = first + i;
    if (descriptorOf(String(fd)) === undefined) {
      throw wrong(`expected a socket at descriptor ${fd}, as in LISTEN_FDS=${fds}, but there is none`);
    }
    return { fd, name: named[i] ?? 'unknown', port: portOf(fd) };
  });
  for (const name of ['LISTEN_PID', 'LISTEN_FDS', 'LISTEN_FDNAMES']) delete env[name];
  return sockets;
}

function wrong(problem: string): ProductionizeError {
  return new ProductionizeError(
    'ERR_PRODUCTIONIZE_LISTEN_FDS',
    `Socket activation: ${problem}. Leave these variables to the service manager.`,
  );
}

/**
 * The arguments of `server.listen`, with an inherited socket in place of a port or path. The socket of that port is
 * used, else the first unused one. A descriptor or handle that the app passes is not replaced.
 */
export function listenArguments(args: readonly unknown[]): unknown[] {
  const target = args[0];
  const listenOptions =
    typeof target === 'object' && target !== null ? (target as Record<string, unknown>) : {};
  if ('fd' in listenOptions || '_handle' in listenOptions || 'handle' in listenOptions) {
    if (typeof listenOptions.fd === 'number') inheritance.used.add(listenOptions.fd);
    return [...args];
  }
  const free = inheritedSockets().filter(({ fd }) => !inheritance.used.has(fd));
  const port = Number('port' in listenOptions ? listenOptions.port : target);
  const socket = free.find((inherited) => inherited.port === port) ?? free[0];
  if (socket === undefined) return [...args];
  inheritance.used.add(socket.fd);
  debug(() => ['listening on descriptor %d (%s), not on %o', socket.fd, socket.name, target]);
  const options = { ...listenOptions, port: undefined, path: undefined, host: undefined, fd: socket.fd };
  return [options, ...args.filter((arg) => typeof arg === 'function')];
}

function portOf(fd: number): number | undefined {
  const own = unobserved(inodeOf, fd);
  return unobserved(listeningSockets)?.find(({ inode }) => inode === own)?.port;
}
