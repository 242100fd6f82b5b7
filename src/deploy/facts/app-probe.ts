import cluster from 'node:cluster';
import type { Server } from 'node:http';
import process from 'node:process';
import { isMainThread } from 'node:worker_threads';
import type { Application } from 'express';
import { attachedTo, describeServer } from '../../core/report.js';
import { isExpressApp } from '../../preload/express-app.js';
import { installServingHooks } from '../../preload/serving-hooks.js';
import { presetProduction } from '../../process/cluster/preset-production.js';
import { appFacts } from './app-facts.js';
import { bodyLimit } from './body-limit.js';
import { endWithParent } from './end-with-parent.js';
import {
  isProbeMessage,
  type ProbedServer,
  probeMessage,
  probeVariable,
  unchangedVariable,
} from './probe-protocol.js';
import { recordModules } from './recorded-modules.js';
import { type RequestedAddress, redirectListening } from './redirected-listening.js';

// The entry of `node --import app-probe.js app.js`: the app runs as it is, and what it does is reported to the parent.
// Children that the app forks inherit the import: they listen on other ports as well, and workers report to their primary.

/** Milliseconds for further servers after one with an app listens, and after one without. */
const settleMs = { app: 200, none: 2000 } as const;

const parent = Number(process.env[probeVariable]);
delete process.env[probeVariable];
const isProbed = isMainThread && (parent > 0 || cluster.isWorker);

const servers = new Map<Server, RequestedAddress>();
let settled: NodeJS.Timeout | undefined;

redirectListening((server, requested) => {
  if (!isProbed) return;
  servers.set(server as Server, requested);
  clearTimeout(settled);
  const hasApp = recorded?.apps.length || [...servers.keys()].some((each) => listenerOf(each));
  settled = setTimeout(() => void report(), hasApp ? settleMs.app : settleMs.none);
});
const recorded = isProbed ? recordModules() : undefined;
if (isMainThread) {
  presetProduction();
  if (process.env[unchangedVariable] === undefined) installServingHooks();
}
if (isProbed && parent > 0) {
  cluster.on('message', (_worker, message) => {
    if (isProbeMessage(message)) process.send?.(message);
  });
  endWithParent(parent);
}

async function report(): Promise<void> {
  // the servers of a primary are those of its workers, which report themselves
  if (recorded === undefined || Object.keys(cluster.workers ?? {}).length > 0) return;
  const probed = [...servers].map(([server, requested]) => describe(server, requested, appOf(server)));
  // a function may call the app, so that no server has it as a listener
  const hidden = recorded.apps.find((app) => attachedTo(app)) ?? recorded.apps.find(isRoot);
  const known = probed.some(({ app }) => app !== null);
  process.send?.(
    probeMessage({
      servers:
        known || hidden === undefined
          ? probed
          : probed.map((server) => ({ ...server, app: appFacts(hidden, recorded) })),
      bodyLimitBytes: await bodyLimit(recorded),
      sessionCookies: [...recorded.sessions.keys()],
      nodeMajor: Number.parseInt(process.versions.node, 10),
    }),
  );
}

function describe(server: Server, requested: RequestedAddress, app: Application | undefined): ProbedServer {
  const { keepAliveTimeoutMs = 0, headersTimeoutMs = 0, requestTimeoutMs = 0 } = describeServer(server);
  return {
    ...requested,
    keepAliveTimeoutMs,
    headersTimeoutMs,
    requestTimeoutMs,
    webSockets: server.listenerCount('upgrade') > 0,
    app: app && recorded ? appFacts(app, recorded) : null,
  };
}

/** The app of a server. socket.io replaces the listener, but the app's report still contains the server. */
function appOf(server: Server): Application | undefined {
  const { address } = describeServer(server);
  return (
    listenerOf(server) ??
    recorded?.apps.find((app) =>
      attachedTo(app)
        ?.report()
        .servers.some((each) => each.address === address),
    )
  );
}

function listenerOf(server: Server): Application | undefined {
  return server.listeners('request').find(isExpressApp) as Application | undefined;
}

function isRoot(app: Application): boolean {
  return (app as unknown as { parent?: unknown }).parent === undefined;
}
