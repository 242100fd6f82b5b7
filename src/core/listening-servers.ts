import type { Server } from 'node:http';
import type { Application } from 'express';
import { once } from '../support/attachment.js';
import { onServerListen } from '../support/listening.js';
import { attachedTo } from './report.js';

let onlyApp: WeakRef<Application> | undefined;
let appCount = 0;

/**
 * Registers servers with their app when they start to listen. This includes servers that the app's own code created:
 * `http.createServer(app)`, https, and socket.io or ws on top. Otherwise the first request registers a server.
 */
export function watchListeningServers(app: Application): void {
  appCount += 1;
  onlyApp = new WeakRef(app);
  subscribeOnce();
}

const subscribeOnce = once(() => {
  onServerListen((server) => {
    const app = appOf(server);
    if (app) attachedTo(app)?.adopt?.(server);
  });
});

function appOf(server: Server): Application | undefined {
  const listeners = server.listeners('request') as unknown[];
  const app = listeners.find(
    (listener) => typeof listener === 'function' && attachedTo(listener as Application),
  );
  if (app !== undefined) return app as Application;
  // socket.io removes the listeners from the server and calls them from its own listener
  const hasWebSockets = listeners.length > 0 && server.listenerCount('upgrade') > 0;
  return hasWebSockets && appCount === 1 ? onlyApp?.deref() : undefined;
}
