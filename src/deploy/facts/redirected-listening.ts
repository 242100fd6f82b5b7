import net, { type ListenOptions, type Server } from 'node:net';
import { wrapMethod } from '../../support/replace-method.js';

/** The address that a call of `listen` requests. */
export interface RequestedAddress {
  /** 0 for any free port, `null` for a socket path or an open socket. */
  readonly port: number | null;
  readonly socketPath: string | null;
}

type Listen = (this: Server, ...args: unknown[]) => Server;

/**
 * Lets every server of this process listen on another port of 127.0.0.1 instead of its own address, which another process
 * of the app may use. `onListening` is called before the listeners of the app. `portFor` selects the port; without it,
 * and for 0, it is any free one.
 */
export function redirectListening(
  onListening: (server: Server, requested: RequestedAddress) => void,
  portFor: (requested: RequestedAddress) => number = () => 0,
): void {
  wrapMethod(net.Server.prototype, 'listen', (original: Listen): Listen => {
    return function listen(...args) {
      const requested = requestedAddress(args);
      if (requested === undefined) return original.apply(this, args);
      this.once('listening', () => onListening(this, requested));
      const callback = args.find((arg) => typeof arg === 'function');
      const { signal } = Object(args[0]) as ListenOptions;
      const port = portFor(requested);
      // workers of a cluster would otherwise share one free port, so that each request reaches another one
      const exclusive = port === 0;
      return original.call(this, { port, host: '127.0.0.1', exclusive, ...(signal && { signal }) }, callback);
    };
  });
}

/** `undefined` for arguments that Node rejects, and for a server or handle that listens already. */
function requestedAddress([first]: readonly unknown[]): RequestedAddress | undefined {
  if (typeof first !== 'object' || first === null) return addressOf(first);
  const { path, port, fd, _handle, handle } = first as Record<string, unknown>;
  if (_handle || handle) return undefined;
  if (typeof fd === 'number') return { port: null, socketPath: null };
  return typeof path === 'string' ? { port: null, socketPath: path } : addressOf(port);
}

function addressOf(value: unknown): RequestedAddress | undefined {
  if (value === undefined || value === null || typeof value === 'function')
    return { port: 0, socketPath: null };
  const port = Number(value);
  // Node takes a string that is no number for a path
  if (typeof value === 'string' && !(port >= 0)) return { port: null, socketPath: value };
  return Number.isInteger(port) && port >= 0 && port <= 65_535 ? { port, socketPath: null } : undefined;
}
