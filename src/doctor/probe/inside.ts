import type { Server } from 'node:http';
import inspector from 'node:inspector';
import type { Application } from 'express';
import { lintErrorHandlers } from '../../core/express/error-handler-lint.js';
import { attachedTo } from '../../core/report.js';
import { appFacts } from '../../deploy/facts/app-facts.js';
import { bodyLimit, limitOf } from '../../deploy/facts/body-limit.js';
import type { Recorded, RecordedSession } from '../../deploy/facts/recorded-modules.js';
import { staticDirectories } from '../../deploy/facts/static-layers.js';
import { attempt } from '../../support/attempt.js';
import { expressMajor, routerOf, walkLayers } from '../../support/express-layers.js';
import type { AppObservation, ProcessObservation, SessionObservation } from '../observations.js';
import type { Inside, RequestedRoute } from './doctor-protocol.js';
import { listLayers } from './layer-list.js';
import { hasLocalRateLimit } from './rate-limit-store.js';
import { type Imports, requiredPackages } from './required-packages.js';
import type { ServedApps } from './served-apps.js';
import { staticPaths } from './static-paths.js';

/** Packages that belong to development, by the directory from which a file of them is loaded. */
const developmentTool =
  /[\\/]node_modules[\\/](nodemon|ts-node|ts-node-dev|tsx|@swc-node[\\/]register|@babel[\\/]register|babel-watch|livereload)[\\/]/;

/** What the app and its process show to code that runs in it. */
export async function observeInside(
  served: ServedApps,
  recorded: Recorded,
  imports: Imports,
): Promise<Inside> {
  const server = served.chosen();
  const app = served.appOf(server);
  const described = served.describe(server);
  return {
    ...(app ? await appAndRoutes(app, recorded) : { app: null, routes: [] }),
    process: observeProcess(described.requested === null ? null : server, imports),
    server: described,
    otherServers: served.others(server),
    staticPaths: app ? staticPaths(staticDirectories(app, recorded)) : [],
  };
}

/** What an app shows, and its routes whose paths are no patterns. */
export async function appAndRoutes(
  app: Application,
  recorded: Recorded,
): Promise<{ app: AppObservation; routes: RequestedRoute[] }> {
  const layers = listLayers(app, recorded);
  return {
    app: { ...(await observeApp(app, recorded)), layers },
    routes: layers.flatMap(({ kind, method, path }) =>
      kind === 'handler' && method !== undefined && path !== undefined && !/[*{}()[\]?+]/.test(path)
        ? [{ method, path }]
        : [],
    ),
  };
}

async function observeApp(app: Application, recorded: Recorded): Promise<Omit<AppObservation, 'layers'>> {
  const trustProxy: unknown = app.get('trust proxy');
  const { health, responseTimeoutMs, shutdownMs } = appFacts(app, recorded);
  const attached = attachedTo(app);
  const hasShutdown = attached
    ?.report()
    .parts.some(({ name, state }) => name === 'gracefulShutdown' && state === 'on');
  return {
    express: expressMajor(app),
    productionized: attached !== undefined,
    settings: {
      poweredBy: app.enabled('x-powered-by'),
      viewCache: app.enabled('view cache'),
      viewEngine: Boolean(app.get('view engine')),
      trustProxy: trustProxy === true ? 'all' : trustProxy ? 'some' : 'off',
    },
    errorHandlersWithWrongLength: lintErrorHandlers(routerOf(app)),
    sessions: [...recorded.sessions].map(describeSession),
    bodyLimitBytes: await bodyLimit(recorded),
    readinessPath: health?.readiness ?? null,
    ...(responseTimeoutMs !== null && { responseTimeoutMs }),
    ...(hasShutdown && { shutdownMs }),
    unlimitedParsers: (await Promise.all(recorded.parsers.map(limitOf))).filter(
      (limit) => limit === undefined,
    ).length,
    localRateLimits: localRateLimits(app),
  };
}

function localRateLimits(app: Application): number {
  let count = 0;
  walkLayers(routerOf(app), ({ handle, route }) => {
    if (!route && hasLocalRateLimit(handle)) count++;
  });
  return count;
}

function describeSession([cookie, { kind, options }]: [string, RecordedSession]): SessionObservation {
  const { secure } = Object(kind === 'express-session' ? options.cookie : options) as { secure?: unknown };
  return {
    kind,
    cookie,
    inMemory:
      kind === 'express-session' && (!options.store || options.store.constructor.name === 'MemoryStore'),
    secure: secure === 'auto' ? 'auto' : Boolean(secure),
  };
}

/** Without a server of the app, its timeouts are not known. */
export function observeProcess(server: Server | null, imports: Imports): ProcessObservation {
  const { moduleLoadList = [] } = process as unknown as { moduleLoadList?: readonly string[] };
  const tools = Object.keys(require.cache).flatMap((file) => developmentTool.exec(file)?.[1] ?? []);
  return {
    nodeVersion: process.version,
    nodeEnv: process.env.NODE_ENV ?? null,
    usesDomain: moduleLoadList.includes('NativeModule domain'),
    inspectorOpen: attempt(() => inspector.url() !== undefined, false),
    keepAliveTimeoutMs: server?.keepAliveTimeout ?? 0,
    headersTimeoutMs: server?.headersTimeout ?? null,
    requestTimeoutMs: server?.requestTimeout ?? null,
    developmentTools: [...new Set(tools)],
    requiredPackages: requiredPackages(process.argv[1] ?? '', imports),
  };
}
