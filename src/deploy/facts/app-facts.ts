import type { Application } from 'express';
import { attachedTo, type Fact, type PartReport } from '../../core/report.js';
import { type AnyFunction, routerOf } from '../../support/express-layers.js';
import { healthChecksKey } from '../../support/symbols.js';
import type { DeploymentFacts, HealthPaths } from '../deployment-facts.js';
import type { AppFacts } from './probe-protocol.js';
import type { Recorded } from './recorded-modules.js';
import { staticDirectories } from './static-layers.js';

/** Milliseconds that supervisors usually wait, for an app that ends itself in a way that is not known. */
const usualShutdownMs = 10_000;

export function appFacts(app: Application, recorded: Recorded): AppFacts {
  const parts = attachedTo(app)?.report().parts ?? [];
  const part = (name: string) => parts.find((each) => each.name === name);
  const facts = (name: string): Readonly<Record<string, Fact>> => part(name)?.facts ?? {};
  const isThere = (name: string) => (part(name)?.state ?? 'off') !== 'off';
  const { afterMs } = facts('deadline');
  return {
    health: healthPaths(part('healthChecks')) ?? mountedHealth(app),
    responseTimeoutMs: typeof afterMs === 'number' ? afterMs : null,
    staticDirectories: staticDirectories(app, recorded),
    trustProxy: trustedHops(app),
    compression: isThere('compression') || handlers(app).some(({ name }) => name === 'compression'),
    cache: isThere('cache'),
    ...shutdownTimes(part('gracefulShutdown')),
  };
}

function healthPaths(part: PartReport | undefined): HealthPaths | undefined {
  if (part?.state !== 'on') return undefined;
  const { livePath = '/livez', readyPath = '/readyz', startupPath = '/startupz' } = part.options;
  return allOf(livePath, readyPath, startupPath);
}

/** Each probe that is switched off is replaced by the one that is nearest to it. */
function allOf(live: unknown, ready: unknown, startup: unknown): HealthPaths | undefined {
  const [liveness, readiness, start] = [live, ready, startup].map((path) =>
    typeof path === 'string' ? path : undefined,
  );
  const any = readiness ?? liveness ?? start;
  return any === undefined ? undefined : { liveness: liveness ?? any, readiness: any, startup: start ?? any };
}

/** The paths of a `healthChecks()` that the app has mounted itself. */
function mountedHealth(app: Application): HealthPaths | null {
  const found = handlers(app).find((handle) => healthChecksKey in handle);
  const paths = (found as { [healthChecksKey]?: unknown } | undefined)?.[healthChecksKey];
  if (!(paths instanceof Map)) return null;
  const pathOf = (kind: string) => [...paths].find(([, each]) => each === kind)?.[0];
  return allOf(pathOf('live'), pathOf('ready'), pathOf('startup')) ?? null;
}

function handlers(app: Application): AnyFunction[] {
  return routerOf(app).stack.map(({ handle }) => handle);
}

function trustedHops(app: Application): DeploymentFacts['trustProxy'] {
  const setting: unknown = app.get('trust proxy');
  if (setting === true) return 'all';
  if (typeof setting === 'number') return setting;
  return setting === false || setting === undefined ? 0 : 'custom';
}

function shutdownTimes(part: PartReport | undefined): Pick<AppFacts, 'shutdownMs' | 'shutdownDelayMs'> {
  const { delayMs, timeoutMs } = part?.facts ?? {};
  return typeof delayMs === 'number' && typeof timeoutMs === 'number'
    ? { shutdownMs: delayMs + timeoutMs, shutdownDelayMs: delayMs }
    : { shutdownMs: usualShutdownMs, shutdownDelayMs: 0 };
}
