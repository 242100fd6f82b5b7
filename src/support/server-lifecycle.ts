import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { attachShared } from './attachment.js';
import { createLifecycle, type Lifecycle, trackResponse } from './lifecycle.js';
import { lifecyclesKey } from './symbols.js';

interface Lives {
  readonly all: Set<Lifecycle>;
  /** The life of a server whose requests no app of ours counts. */
  tracked: Lifecycle | undefined;
}

type Living = Server & { [lifecyclesKey]?: Lives };

function livesOf(server: Server): Lives {
  const living = server as Living;
  if (living[lifecyclesKey] === undefined) {
    const lives: Lives = { all: new Set(), tracked: undefined };
    Object.defineProperty(server, lifecyclesKey, { value: lives });
  }
  return living[lifecyclesKey] as Lives;
}

/** The lives of all apps that were seen on a server, and its own where it is tracked. */
export function lifecyclesOf(server: Server): ReadonlySet<Lifecycle> {
  return livesOf(server).all;
}

/** An app that counts its own requests was seen on a server. */
export function attachLifecycle(server: Server, lifecycle: Lifecycle): void {
  livesOf(server).all.add(lifecycle);
}

/**
 * Counts the requests of a server that belongs to no productionized app. All parts that track the same server share
 * one lifecycle. Returns it, and what ends the tracking once nobody needs it.
 */
export function trackServer(server: Server): { lifecycle: Lifecycle; release: () => void } {
  const lives = livesOf(server);
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
