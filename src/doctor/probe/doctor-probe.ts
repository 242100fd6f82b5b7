import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import process from 'node:process';
import { isMainThread } from 'node:worker_threads';
import type { Application } from 'express';
import { endWithParent } from '../../deploy/facts/end-with-parent.js';
import { recordModules } from '../../deploy/facts/recorded-modules.js';
import { redirectListening } from '../../deploy/facts/redirected-listening.js';
import { detectSyncIo, type SyncIoDetector } from '../../middleware/sync-io/index.js';
import { isExpressApp } from '../../preload/express-app.js';
import { installServingHooks } from '../../preload/serving-hooks.js';
import { presetProduction } from '../../process/cluster/preset-production.js';
import type { AnyFunction } from '../../support/express-layers.js';
import { wrapMethod } from '../../support/replace-method.js';
import {
  doctorMessage,
  doctorVariable,
  isDoctorMessage,
  type Query,
  type Results,
} from './doctor-protocol.js';
import { observeInside } from './inside.js';

// The entry of `node --import doctor-probe.js app.js`: the app runs as it is, and responds to queries of the doctor.

/** `as it is`, or `productionized` for a preview. */
const mode = process.env[doctorVariable];
delete process.env[doctorVariable];

if (isMainThread && mode !== undefined) examine(mode === 'productionized');

function examine(isPreview: boolean): void {
  const recorded = recordModules();
  const servers: Server[] = [];
  const detectors = new Map<Application, SyncIoDetector>();

  redirectListening((listening) => {
    const server = listening as Server;
    servers.push(server);
    const app = appOf(server);
    if (app && !detectors.has(app)) detectors.set(app, watch(app));
    process.send?.(doctorMessage({ kind: 'listening', port: (server.address() as AddressInfo).port }));
  });
  presetProduction();
  if (isPreview) installServingHooks();

  const appOf = (server: Server): Application | undefined =>
    (server.listeners('request').find(isExpressApp) as Application | undefined) ??
    recorded.apps.find((app) => (app as { parent?: unknown }).parent === undefined);

  const results: { readonly [Name in Query]: () => Results[Name] | Promise<Results[Name]> } = {
    observe() {
      const server = servers.find(appOf) ?? (servers[0] as Server);
      return observeInside(appOf(server), server, recorded);
    },
    'sync calls': () => [...detectors.values()].flatMap((detector) => detector.findings()),
    throw() {
      setImmediate(() => {
        throw new Error('an exception that nothing catches, thrown by the doctor');
      });
      return null;
    },
  };
  process.on('message', async (message) => {
    if (!isDoctorMessage(message) || message.kind !== 'query') return;
    const { query } = message;
    process.send?.(doctorMessage({ kind: 'result', query, result: await results[query]() }));
  });
  endWithParent(process.ppid);
}

/** Reports synchronous calls in requests of an app that is not changed otherwise. */
function watch(app: Application): SyncIoDetector {
  const detector = detectSyncIo({ enabled: true, onFinding() {} });
  wrapMethod(app, 'handle', (original: AnyFunction) => {
    return function handle(this: unknown, ...args: unknown[]) {
      const [req, res] = args;
      (detector as unknown as AnyFunction)(req, res, () => original.apply(this, args));
    };
  });
  return detector;
}
