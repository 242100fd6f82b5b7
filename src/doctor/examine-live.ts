import http from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Application } from 'express';
import type { Recorded } from '../deploy/facts/recorded-modules.js';
import { type Examined, today } from './examine.js';
import { exchange, type RequestPlan } from './exchanges.js';
import { appAndRoutes, observeProcess } from './probe/inside.js';
import { watchSyncCalls } from './probe/watch-sync-calls.js';

/** What was created before the audit is not recorded, and the server is not that of the app. */
const undecided = [
  'body-limit-large',
  'compression-late',
  'dev-dependency',
  'keep-alive-short',
  'npm-parent',
  'request-timeout-off',
  'secure-cookie-without-proxy',
  'sessions-in-memory',
  'static-behind-session',
  'static-not-cached',
];

/** Parts that only the start of a script shows. */
const unseen: readonly string[] = ['filesAround', 'streams', 'tracedLines'];

/**
 * Observes an app in this process, on a server of its own. The app is neither signalled nor ended, and works as before
 * afterwards.
 */
export async function examineLive(
  app: Application,
  { paths, params, unsafe }: Omit<RequestPlan, 'routes' | 'staticPaths' | 'usualPaths'>,
): Promise<Examined> {
  const recorded: Recorded = {
    ...{
      apps: [app],
      appSites: new Map(),
      parsers: [],
      staticRoots: new Map(),
      sessions: new Map(),
      readsUploads: false,
    },
    packages: new Map(),
  };
  const server = http.createServer(app);
  const calls = watchSyncCalls(app);
  try {
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject).listen(0, '127.0.0.1', resolve);
    });
    const { port } = server.address() as AddressInfo;
    const target = { host: '127.0.0.1', port, encrypted: false, verified: false };
    const inside = await appAndRoutes(app, recorded);
    const plan = { paths, params, unsafe, routes: inside.routes, staticPaths: [], usualPaths: true };
    const { exchanges, notes } = await exchange(target, plan, async () => {});
    return {
      seen: {
        ...{
          app: inside.app,
          process: observeProcess(null, new Map()),
          exchanges,
          syncCalls: calls.findings(),
        },
        ...{
          shutdown: null,
          continuesAfterException: null,
          project: null,
          filesAround: [],
          streams: [],
          tracedLines: [],
          today: today(),
        },
      },
      notes,
      undecided: ({ id, reads }) => undecided.includes(id) || reads.some((part) => unseen.includes(part)),
    };
  } finally {
    calls.stop();
    server.closeAllConnections();
    server.close();
  }
}
