import cluster from 'node:cluster';
import type { Server } from 'node:http';
import process from 'node:process';
import { isMainThread } from 'node:worker_threads';
import type { Application } from 'express';
import { productionize } from '../../core/productionize.js';
import { attachedTo } from '../../core/report.js';
import { endWithParent } from '../../deploy/facts/end-with-parent.js';
import { recordModules } from '../../deploy/facts/recorded-modules.js';
import { redirectListening } from '../../deploy/facts/redirected-listening.js';
import { installServingHooks } from '../../preload/serving-hooks.js';
import { presetProduction } from '../../process/cluster/preset-production.js';
import { currentSpan } from '../../support/context/current-span.js';
import type { LoopLoad } from '../measured.js';
import {
  doctorMessage,
  doctorVariable,
  isDoctorMessage,
  type Query,
  type Results,
} from './doctor-protocol.js';
import { observeInside } from './inside.js';
import { watchLoop } from './loop-load.js';
import { relayWorker } from './relayed-worker.js';
import { recordImports } from './required-packages.js';
import { openFiles, ResponseStreams } from './response-streams.js';
import { ServedApps } from './served-apps.js';
import { type WatchedSyncCalls, watchSyncCalls } from './watch-sync-calls.js';

// The entry of `node --import doctor-probe.js app.js`: the app runs as it is, and responds to queries of the doctor.
// Children and threads of the app inherit the import: they listen on other ports as well.

/** `as it is`, or `productionized` for a preview. */
const mode = process.env[doctorVariable];
delete process.env[doctorVariable];

if (isMainThread && mode !== undefined) examine(mode);
else redirectListening(() => {});

function examine(mode: string): void {
  const recorded = recordModules();
  const imports = recordImports();
  const served = new ServedApps(recorded);
  const detectors = new Map<Application, WatchedSyncCalls>();
  const streams = new ResponseStreams();
  let hadSpan = false;
  const onRequest = (): void => {
    hadSpan ||= currentSpan() !== undefined;
  };
  let endLoad: (() => LoopLoad) | undefined;

  redirectListening((listening, requested) => {
    const server = listening as Server;
    served.add(server, requested);
    const app = served.appOf(server);
    // a function of the app may call it, so that the hooks of `listen` do not see it
    if (app && mode === 'productionized' && attachedTo(app) === undefined) productionize(app);
    if (app && !detectors.has(app)) detectors.set(app, watchSyncCalls(app, onRequest));
    process.send?.(doctorMessage({ kind: 'listening' }));
  });
  presetProduction();
  if (mode === 'productionized') installServingHooks();
  const relay = relayWorker(mode);
  // a script that only exports its app has nothing else to do
  process.once('beforeExit', () => served.listen());

  const results: { readonly [Name in Query]: () => Results[Name] | Promise<Results[Name]> } = {
    observe: () => observeInside(served, recorded, imports),
    'app site': () => served.site(),
    'sync calls': () => [...detectors.values()].flatMap((detector) => detector.findings()),
    traffic: () => ({ pipedUrls: [...streams.urls], hadSpan }),
    'abort streams'() {
      streams.fault = 'abort';
      return null;
    },
    'fail streams'() {
      streams.fault = 'failure';
      return null;
    },
    'open files': openFiles,
    throw() {
      setImmediate(() => {
        throw new Error('an exception that nothing catches, thrown by the doctor');
      });
      return null;
    },
    listen: () => served.listen(),
    'load starts'() {
      // what is timed is the app without the detector
      for (const detector of detectors.values()) detector.stop();
      endLoad?.();
      endLoad = watchLoop();
      return null;
    },
    'load ends': () => (endLoad ?? watchLoop())(),
  };
  process.on('message', async (message) => {
    if (!isDoctorMessage(message) || message.kind !== 'query' || relay(message)) return;
    const { query } = message;
    process.send?.(doctorMessage({ kind: 'result', query, result: await results[query]() }));
  });
  // a worker is in the process group of its primary
  if (cluster.isPrimary) endWithParent(process.ppid);
}
