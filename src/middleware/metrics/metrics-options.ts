import type { IncomingMessage } from 'node:http';
import { defaultMetricsHost, defaultMetricsPort } from '../../support/metrics/admin-server.js';
import {
  type Check,
  checkOptions,
  hasMethods,
  isBoolean,
  isEither,
  isFunction,
  isInteger,
  isOneOf,
  isString,
} from '../../support/options.js';
import type { MetricsRegistry } from './joined-registries.js';

/** Options of {@link metrics}. */
export interface MetricsOptions {
  /**
   * The port on which `/metrics` is served, and nothing else; 0 selects any free port, `false` opens none. In a cluster the
   * primary opens it, for all workers. @default 9464, or `false` where `path` is given
   */
  readonly port?: number | false;
  /** The address of that port. Every client that reaches it can read the metrics. @default '127.0.0.1' */
  readonly host?: string;
  /**
   * A path such as `/metrics` on which the app itself serves the metrics of its process. A client that is not one of
   * `clients` gets the response of the app, as if this path were not there. @default none
   */
  readonly path?: string;
  /**
   * The clients that `path` serves. `'loopback'` selects clients on this machine, and `'private'` those in its private
   * network, both without a proxy. A function selects those for which it returns `true`. @default 'loopback'
   */
  readonly clients?: 'loopback' | 'private' | ((req: IncomingMessage) => boolean);
  /**
   * A registry of prom-client, such as its `register`, whose metrics are served beside ours. Where both have a name, such as
   * the default metrics of prom-client, ours are served. @default none
   */
  readonly registry?: MetricsRegistry;
  /**
   * Whether the MeterProvider of OpenTelemetry receives the durations and the requests in flight, too, and the current
   * span its `http.route`. The app registers the provider before its first request. Set it to `false` where
   * instrumentation-http records the same: it counts for requests of this app. @default true
   */
  readonly openTelemetry?: boolean;
}

const isPath: Check = (value) =>
  typeof value === 'string' && /^\/[^?#]+$/.test(value) ? undefined : "a path such as '/metrics'";

export const optionChecks = {
  port: isEither(isInteger('ports', 0, 65_535), isOneOf(false)),
  host: isString,
  path: isPath,
  clients: isEither(isOneOf('loopback', 'private'), isFunction),
  registry: hasMethods('a registry of prom-client', 'getMetricsAsJSON'),
  openTelemetry: isBoolean,
};

/** The options with their defaults. */
export interface ResolvedMetrics {
  readonly port: number | false;
  readonly host: string;
  readonly path: string | undefined;
  readonly clients: NonNullable<MetricsOptions['clients']>;
  readonly registry: MetricsRegistry | undefined;
  readonly openTelemetry: boolean;
}

export function resolveMetrics(options?: MetricsOptions): ResolvedMetrics {
  const {
    port,
    host,
    path,
    clients,
    registry,
    openTelemetry = true,
  } = checkOptions('metrics', options, optionChecks);
  return {
    port: port ?? (path === undefined ? defaultMetricsPort : false),
    host: host ?? defaultMetricsHost,
    path,
    clients: clients ?? 'loopback',
    registry,
    openTelemetry,
  };
}
