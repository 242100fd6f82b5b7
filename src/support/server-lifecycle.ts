import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { attachShared } from './attachment.js';
import { createLifecycle, type Lifecycle, trackResponse } from './lifecycle.js';
import { lifecyclesKey } from './symbols.js';

interface ServerLifecycles {
  readonly all: Set<Lifecycle>;
  /** The lifecycle of a server that belongs to no productionized app. */
  tracked: Lifecycle | undefined;
}

type Living = Server & { [lifecyclesKey]?: ServerLifecycles };

function lifecyclesStoredOn(server: Server): ServerLifecycles {
  const living = server as Living;
  if (living[lifecyclesKey] === undefined) {
    const lives: ServerLifecycles = { all: new Set(), tracked: undefined };
    Object.defineProperty(server, lifecyclesKey, { value: lives });
  }
  return living[lifecyclesKey] as ServerLifecycles;
}

/**
 * Returns the lifecycles of all apps that were seen on a server. If the server itself is tracked, its lifecycle is
 * included.
 */
export function lifecyclesOf(server: Server): ReadonlySet<Lifecycle> {
  return lifecyclesStoredOn(server).all;
}

/** Adds the lifecycle of an app that counts its own requests and was seen on a server. */
export function attachLifecycle(server: Server, lifecycle: Lifecycle): void {
  lifecyclesStoredOn(server).all.add(lifecycle);
}

/**
 * Counts the requests of a server that belongs to no productionized app. All parts that track the same server share one
 * lifecycle. Returns it with a function that releases it; tracking ends once no part needs it.
 */
export function trackServer(server: Server): { lifecycle: Lifecycle; release: () => void } {
  const lives = lifecyclesStoredOn(server);
  const release = attachShared(lives, 'tracking', () => {
    const lifecycle = createLifecycle();
    lifecycle.servers.add(server);
    const track = (_req: IncomingMessage, res: ServerResponse): void => trackResponse(lifecycle, res);
    const ready = (): void => {
      if (lifecycle.state === 'starting') lifecycle.state = 'ready';
    };
    if (server.listening) ready();
    server.on('listening', ready);
    // with a listener for `request`, an HTTP/2 server creates request objects that it otherwise would not
    // create
    const compatible = server.listenerCount('request') > 0 || 'closeIdleConnections' in server;
    if (compatible) server.prependListener('request', track);
    lives.all.add(lifecycle);
    lives.tracked = lifecycle;
    return () => {
      server.off('request', track);
      server.off('listening', ready);
      lives.all.delete(lifecycle);
    };
  });
  return { lifecycle: lives.tracked as Lifecycle, release };
}
