import http, { type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import tls from 'node:tls';
import type { Application } from 'express';
import { attachedTo } from '../../core/report.js';
import type { Recorded } from '../../deploy/facts/recorded-modules.js';
import type { RequestedAddress } from '../../deploy/facts/redirected-listening.js';
import { isExpressApp } from '../../preload/express-app.js';
import { routerOf, walkLayers } from '../../support/express-layers.js';
import type { AppSite, ExaminedServer } from './doctor-protocol.js';

/** The servers of a process that listen, and the apps behind them. */
export class ServedApps {
  readonly #recorded: Recorded;
  readonly #servers = new Map<Server, RequestedAddress | null>();

  constructor(recorded: Recorded) {
    this.#recorded = recorded;
  }

  /** `requested` is `null` for a server that is not of the app. */
  add(server: Server, requested: RequestedAddress | null): void {
    // a server of the doctor is added before it listens
    if (!this.#servers.has(server)) this.#servers.set(server, requested);
  }

  /** The app of a server; a function may call it, so that no server has it as a listener. */
  appOf(server: Server): Application | undefined {
    return listenerOf(server) ?? this.#rootApp();
  }

  /** The server with the most routes, of those with an app, else the first for HTTP. */
  chosen(): Server {
    const all = [...this.#servers.keys()];
    const apps = all.filter(listenerOf).sort((one, other) => routesOf(other) - routesOf(one));
    return apps[0] ?? all.find((server) => server.listenerCount('request') > 0) ?? (all[0] as Server);
  }

  describe(server: Server): ExaminedServer {
    const requested = this.#servers.get(server) ?? null;
    return {
      port: (server.address() as AddressInfo).port,
      encrypted: server instanceof tls.Server,
      requested: requested && addressOf(requested),
    };
  }

  others(chosen: Server): string[] {
    return [...this.#servers].flatMap(([server, requested]) =>
      server === chosen || requested === null || !server.listening ? [] : [addressOf(requested)],
    );
  }

  /** Where the app was created; `null` where no stack has shown it. */
  site(): AppSite | null {
    const app = this.appOf(this.chosen());
    const [, file, line] = /^(.+):(\d+):\d+$/.exec(this.#recorded.appSites.get(app) ?? '') ?? [];
    if (app === undefined || file === undefined) return null;
    return { file, line: Number(line), productionized: attachedTo(app) !== undefined };
  }

  /** Listens for an app that no server has, and returns whether there is one. */
  listen(): boolean {
    const app = this.#servers.size === 0 ? this.#rootApp() : undefined;
    if (app === undefined) return this.#servers.size > 0;
    const server = http.createServer(app);
    this.add(server, null);
    server.listen(0);
    return true;
  }

  #rootApp(): Application | undefined {
    return this.#recorded.apps
      .filter((app) => (app as { parent?: unknown }).parent === undefined)
      .sort((one, other) => sizeOf(other) - sizeOf(one))[0];
  }
}

function listenerOf(server: Server): Application | undefined {
  return server.listeners('request').find(isExpressApp) as Application | undefined;
}

function routesOf(server: Server): number {
  return sizeOf(listenerOf(server) as Application);
}

function sizeOf(app: Application): number {
  let layers = 0;
  walkLayers(routerOf(app), () => layers++);
  return layers;
}

function addressOf({ port, socketPath }: RequestedAddress): string {
  if (port === 0) return 'a free port';
  if (port !== null) return `port ${port}`;
  return socketPath === null ? 'an inherited socket' : `the socket ${socketPath}`;
}
