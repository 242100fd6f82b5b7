import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { type EventEmitter, errorMonitor } from 'node:events';
import type { IncomingMessage, Server, ServerOptions } from 'node:http';
import http from 'node:http';
import { syncBuiltinESMExports } from 'node:module';
import type { Application } from 'express';
import { productionize } from '../core/productionize.js';
import { attachedTo } from '../core/report.js';
import { createServer } from '../core/server.js';
import { reportParts, reportServerError } from '../process/cluster/worker-agent.js';
import { listenArguments } from '../process/systemd/inherited-sockets.js';
import { contextOf } from '../support/context/context.js';
import { debugFor } from '../support/debug.js';
import { quote, warnOnce } from '../support/errors.js';
import { loadBuiltin } from '../support/node-builtins.js';
import { processWide } from '../support/process-wide.js';
import { wrapMethod } from '../support/replace-method.js';
import { servingHooksKey } from '../support/symbols.js';
import { configuredOptions } from './app-config.js';
import { isExpressApp } from './express-app.js';

const debug = debugFor('preload');

const https = loadBuiltin('node:https');
const responseChannel = 'http.server.response.finish';

type AnyMethod = (this: Server, ...args: unknown[]) => unknown;

const hooks = processWide<{ undo: (() => void) | undefined }>(servingHooksKey, () => ({ undo: undefined }));

/**
 * Productionizes every Express app of this process at the moment it starts to serve, unless it is already. An app
 * serves when a server listens whose `request` listener it is; `app.listen`, `http.createServer(app)`
 * and `server.on('request', app)`, in CommonJS and ESM, all use the same three functions, which are patched once per
 * process, whatever the number of copies of the package:
 *
 * - `on` and `addListener` of http and https servers record which servers have an app, since socket.io removes
 *   listeners later;
 * - `listen` productionizes the recorded apps: until then the app could do so itself, with options;
 * - `http.createServer` and `https.createServer`, called with an app, create our faster server.
 *
 * Returns its undo.
 */
export function installServingHooks(): () => void {
  hooks.undo ??= install();
  return () => {
    hooks.undo?.();
    hooks.undo = undefined;
  };
}

function install(): () => void {
  const apps = new WeakMap<Server, Set<Application>>();
  let seen = false;

  const record = (server: Server, app: Application): void => {
    const known = apps.get(server) ?? new Set();
    apps.set(server, known.add(app));
    seen = true;
    unsubscribe(responseChannel, onResponse);
    if (server.listening) serve(server, app);
  };
  const undo: (() => void)[] = [];
  for (const { prototype } of [http.Server, https.Server] as unknown as { prototype: object }[]) {
    for (const name of ['on', 'addListener']) {
      undo.push(
        wrapMethod(prototype, name, (original: AnyMethod): AnyMethod => {
          return function on(event, listener, ...rest) {
            if (event === 'request' && isExpressApp(listener)) record(this, listener);
            return original.call(this, event, listener, ...rest);
          };
        }),
      );
    }
    undo.push(
      wrapMethod(prototype, 'listen', (original: AnyMethod): AnyMethod => {
        return function listen(...args) {
          for (const app of apps.get(this) ?? []) serve(this, app);
          (this as EventEmitter).once(errorMonitor, reportServerError);
          return original.apply(this, apps.has(this) ? listenArguments(args) : args);
        };
      }),
    );
  }
  // a server without an app may be another one of the process, whose app listens later
  const onResponse = (message: unknown): void => {
    const { request } = message as { request: IncomingMessage & { app?: unknown } };
    if (seen || !isExpressApp(request.app) || contextOf(request)?.productionized) return;
    warnOnce(
      'ERR_PRODUCTIONIZE_PRELOAD',
      'An Express app responds that is no request listener of a server, so it was not productionized. If a function of yours calls the app, call productionize(app) where the app is made.',
    );
    unsubscribe(responseChannel, onResponse);
  };
  subscribe(responseChannel, onResponse);
  undo.push(() => void unsubscribe(responseChannel, onResponse));
  undo.push(
    wrapMethod(http, 'createServer', (original: AnyMethod): AnyMethod => {
      return function createHttpServer(...args) {
        const { app, options } = split(args);
        return app && !own(options) ? createServer(app, options) : original.apply(this, args);
      };
    }),
    wrapMethod(https, 'createServer', (original: AnyMethod): AnyMethod => {
      return function createHttpsServer(...args) {
        const { app, options } = split(args);
        return app && !own(options) ? createServer(app, { tls: options }) : original.apply(this, args);
      };
    }),
  );
  syncBuiltinESMExports();
  return () => {
    for (const put of undo.reverse()) put();
    syncBuiltinESMExports();
  };
}

function serve(server: Server, app: Application): void {
  try {
    const options = configuredOptions();
    if (attachedTo(app) && !options) debug(() => ['the app productionized itself: left in place']);
    else productionize(app, options);
    const attached = attachedTo(app);
    attached?.adopt?.(server);
    const on = attached?.report().parts.filter(({ state }) => state === 'on') ?? [];
    reportParts(on.map(({ name }) => name));
  } catch (error) {
    // options from outside the app are a mistake of the operator, who waits for the start
    if (configuredOptions()) throw error;
    warnOnce('ERR_PRODUCTIONIZE_PRELOAD', `The app was not productionized: ${quote(error)}.`);
  }
}

/** Both signatures of `createServer`: with options first, or without. */
function split(args: unknown[]): { app: Application | undefined; options: ServerOptions } {
  const app = args.slice(0, 2).find(isExpressApp);
  return { app, options: app === args[0] ? {} : ((args[0] ?? {}) as ServerOptions) };
}

/** Whether the app, or our own server, has set its own message classes, which are left in place. */
function own({ IncomingMessage, ServerResponse }: ServerOptions): boolean {
  return IncomingMessage !== undefined || ServerResponse !== undefined;
}
