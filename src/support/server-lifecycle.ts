import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { attachShared } from './attachment.js';
import { createLifecycle, type Lifecycle, trackResponse } from './lifecycle.js';
import { lifecyclesKey } from './symbols.js';

interface ServerLifecycles {
  readonly all: Set<Lifecycle>;
  /** The lifecycle of a server whose requests no productionized app counts. */
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

/** The lifecycles of all apps that were seen on a server, and its own where it is tracked. */
export function lifecyclesOf(server: Server): ReadonlySet<Lifecycle> {
  return lifecyclesStoredOn(server).all;
}

/** An app that counts its own requests was seen on a server. */
export function attachLifecycle(server: Server, lifecycle: Lifecycle): void {
  lifecyclesStoredOn(server).all.add(lifecycle);
}

/**
 * Counts the requests of a server that belongs to no productionized app. All parts that track the same server share
 * one lifecycle. Returns it with a function that ends the tracking once no part needs it.
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
    // a listener for `request` makes an HTTP/2 server build requests it otherwise would not
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
