import type { Server } from 'node:http';
import { checkOptions, isEither, isInteger, isObject, isOneOf } from '../../support/options.js';

/** What a balancer does with its connections to the app. */
export interface BalancerLimits {
  /** Milliseconds after which the balancer closes an idle connection. */
  readonly idleMs: number;
  /**
   * Milliseconds for which a connection that the balancer opened in advance may wait for its first request.
   * @default 0: it opens connections for requests only
   */
  readonly preOpenMs?: number;
}

/** The limits of known balancers. A pool that opens connections in advance closes them after its idle limit. */
export const balancers = {
  // nginx, "Module ngx_http_upstream_module": keepalive_timeout, default 60s
  nginx: { idleMs: 60_000, preOpenMs: 0 },
  // AWS, "Edit attributes for your Application Load Balancer": idle_timeout.timeout_seconds, default 60
  alb: { idleMs: 60_000, preOpenMs: 60_000 },
  // Google Cloud, "Request distribution for external Application Load Balancers": backend HTTP keepalive, fixed at 600 s
  gcp: { idleMs: 600_000, preOpenMs: 600_000 },
  // Envoy, "How do I configure timeouts?": idle_timeout of HttpProtocolOptions, default 1 hour
  envoy: { idleMs: 3_600_000, preOpenMs: 3_600_000 },
  // Heroku, "HTTP Routing": keepalives between the router and a dyno, 90 seconds
  heroku: { idleMs: 90_000, preOpenMs: 90_000 },
  // clients connect to the app: the default of Node, as no proxy waits for a connection
  none: { idleMs: 0, preOpenMs: 0 },
} as const satisfies Record<string, Required<BalancerLimits>>;

export type Balancer = keyof typeof balancers;

/** The default `keepAliveTimeout` of a server. A balancer that reuses a connection that the app closes responds with 502. */
export const keepAliveTimeout = 65_000;
/** The defaults of a Node server. */
const nodeKeepAliveTimeout = 5_000;
const nodeHeadersTimeout = 60_000;

/** The balancer closes an idle connection this much earlier than the app. */
const marginMs = 5_000;

const isLimit = isInteger('milliseconds', 0, 86_400_000);
export const isBalancer = isEither(
  isOneOf(...Object.keys(balancers)),
  isObject('an object with `idleMs` and `preOpenMs`'),
);

/** The limits of a balancer by its name, or those given. */
export function limitsOf(balancer: Balancer | BalancerLimits): Required<BalancerLimits> {
  if (typeof balancer === 'string') return balancers[balancer];
  const checks = { idleMs: isLimit, preOpenMs: isLimit };
  const { idleMs = 0, preOpenMs = 0 } = checkOptions('balancer', balancer, checks);
  return { idleMs, preOpenMs };
}

/** Milliseconds for which the app keeps an idle connection. */
export function keepAliveTimeoutFor(limits: BalancerLimits | undefined): number {
  return limits === undefined ? keepAliveTimeout : limits.idleMs + marginMs;
}

/**
 * Sets the timeouts of a server for the balancer in front of it. Values that the app's own code set are left in place.
 * `headersTimeout` stays below `requestTimeout`: Node checks that in the options of a server only.
 */
export function setTimeouts(server: Server, limits: Required<BalancerLimits> | undefined): void {
  const { keepAliveTimeout: idleMs, headersTimeout, requestTimeout } = server;
  if (idleMs === nodeKeepAliveTimeout || idleMs === keepAliveTimeout) {
    server.keepAliveTimeout = keepAliveTimeoutFor(limits);
  }
  if (limits === undefined || limits.preOpenMs === 0) return;
  const maxMs = requestTimeout > 0 ? requestTimeout : Number.POSITIVE_INFINITY;
  if (headersTimeout !== Math.min(nodeHeadersTimeout, maxMs)) return;
  server.headersTimeout = Math.min(maxMs, Math.max(headersTimeout, limits.preOpenMs + marginMs));
}
