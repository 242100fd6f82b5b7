import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { createLifecycle, type Lifecycle, trackResponse } from './lifecycle.js';
import { lifecyclesKey } from './symbols.js';

interface Lives {
  readonly all: Set<Lifecycle>;
  /** The life of a server whose requests no app of ours counts. */
  tracked: { readonly lifecycle: Lifecycle; readonly release: () => void; users: number } | undefined;
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
  if (lives.tracked === undefined) {
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
    lives.tracked = {
      lifecycle,
      users: 0,
      release() {
        server.off('request', track);
        server.off('listening', ready);
        lives.all.delete(lifecycle);
        lives.tracked = undefined;
      },
    };
  }
  const { tracked } = lives;
  tracked.users += 1;
  let released = false;
  return {
    lifecycle: tracked.lifecycle,
    release() {
      if (released) return;
      released = true;
      tracked.users -= 1;
      if (tracked.users === 0) tracked.release();
    },
  };
}
