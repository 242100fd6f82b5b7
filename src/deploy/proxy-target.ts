import { checkOptions, isInteger } from '../support/options.js';
import type { DeploymentFacts } from './deployment-facts.js';
import { integerOption, listOption, switchOption } from './target-options.js';
import type { TargetOption } from './targets/target.js';
import { isAddressList, isCookieList, isListOf, isUrlPath } from './values.js';

/** Options of all targets that are proxies in front of the app. */
export interface ProxyTargetOptions {
  /** The instances of the app, each as `host:port`. @default the port of the app at 127.0.0.1 */
  readonly upstreams?: readonly string[];
  /** Whether another proxy in front overwrites `X-Forwarded-*`. @default false: this proxy is the edge */
  readonly trustForwarded?: boolean;
  /** Seconds until the app starts a response. @default 5 more than the limit of the app, or 60 */
  readonly timeoutSeconds?: number;
}

export const proxyTargetOptions: { [Name in keyof Required<ProxyTargetOptions>]: TargetOption } = {
  upstreams: listOption('<host:port,…>', 'the instances of the app', isAddressList),
  trustForwarded: switchOption('X-Forwarded-* of a balancer in front are trusted'),
  timeoutSeconds: integerOption(
    '<seconds>',
    'until the app starts a response',
    isInteger('seconds', 1, 86_400),
  ),
};

const isPathList = isListOf('URL paths', (path) => isUrlPath(path) === undefined);

/** Checks the names that are written to files of proxies without quotes: a route of the app can have any name. */
export function checkNames(target: string, facts: DeploymentFacts): void {
  const orUndefined = <T>(list: readonly T[]) => (list.length > 0 ? list : undefined);
  const { health, staticDirectories, sessionCookies, webSocketPaths, eventStreamPaths } = facts;
  checkOptions(
    target,
    {
      health: health === null ? undefined : [health.liveness, health.readiness, health.startup],
      staticDirectories: orUndefined(staticDirectories.map(({ path }) => path)),
      sessionCookies: orUndefined(sessionCookies),
      webSocketPaths: orUndefined(webSocketPaths),
      eventStreamPaths: orUndefined(eventStreamPaths),
    },
    {
      health: isPathList,
      staticDirectories: isPathList,
      sessionCookies: isCookieList,
      webSocketPaths: isPathList,
      eventStreamPaths: isPathList,
    },
  );
}

/** The name of the package as a name that is valid in all files. nginx accepts variables of up to 46 characters. */
export function siteName(facts: DeploymentFacts): string {
  const name = facts.name.toLowerCase().replace(/[^a-z\d]+/g, '_');
  return (/^[a-z]/.test(name) ? name : `app_${name}`).slice(0, 24);
}

/** The paths of the health checks, without repetitions. */
export function healthPaths({ health }: DeploymentFacts): string[] {
  return health === null ? [] : [...new Set([health.liveness, health.readiness, health.startup])];
}

/** The limit of the app passes first, so that its own response reaches the client. */
export function responseSeconds({ responseTimeoutMs }: DeploymentFacts): number {
  return responseTimeoutMs === null ? 60 : Math.ceil(responseTimeoutMs / 1000) + 5;
}

/** The margin between the proxy and the app: the proxy closes idle connections first. */
const marginSeconds = 5;

/** Seconds for which the proxy keeps an idle connection to the app; 0 where the app closes too early for any reuse. */
export function keepaliveSeconds({ keepAliveTimeoutMs }: DeploymentFacts): number {
  // Node never closes idle connections with 0
  if (keepAliveTimeoutMs === 0) return 60;
  return Math.max(0, Math.min(60, Math.floor(keepAliveTimeoutMs / 1000) - marginSeconds));
}

/** What the app must set so that both sides agree, for every proxy. */
export function agreements(facts: DeploymentFacts, { trustForwarded = false }: ProxyTargetOptions): string[] {
  const advice: string[] = [];
  const { trustProxy } = facts;
  if (trustProxy === 'all') {
    advice.push(
      "The app trusts every X-Forwarded-For, so a client chooses its address: use app.set('trust proxy', 1).",
    );
  } else if (trustForwarded ? typeof trustProxy === 'number' && trustProxy < 2 : trustProxy !== 1) {
    advice.push(
      trustForwarded
        ? `The app trusts ${trustProxy} hops, but the balancer and this proxy are two: app.set('trust proxy', 2).`
        : trustProxy === 'custom'
          ? "The function or list in 'trust proxy' must trust this proxy and nothing else; app.set('trust proxy', 1) does."
          : `The app trusts ${trustProxy} hops, but this proxy is one: app.set('trust proxy', 1).`,
    );
  }
  if (keepaliveSeconds(facts) === 0) {
    advice.push(
      `The app closes idle connections after ${facts.keepAliveTimeoutMs} ms, so the proxy reuses none: set server.keepAliveTimeout to 65_000.`,
    );
  }
  return advice;
}

/** How long an instance must accept requests before it stops, for a proxy that checks its readiness. */
export function drainAdvice(facts: DeploymentFacts, proxy: string, checkMs: number): string[] {
  const noticedMs = 2 * checkMs;
  if (facts.health === null) {
    return ['The app has no health checks: remove `healthChecks: false`, so that a drain is noticed.'];
  }
  if (facts.shutdownDelayMs >= noticedMs) return [];
  return [
    `An instance that stops accepts requests for ${facts.shutdownDelayMs} ms, and ${proxy} needs up to ${noticedMs} ms to notice: gracefulShutdown: { delayMs: ${noticedMs + checkMs} }.`,
  ];
}
