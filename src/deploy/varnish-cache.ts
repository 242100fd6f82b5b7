import { checkOptions, isEither, isInteger, isOneOf } from '../support/options.js';
import { type ProxyCacheOptions, proxyCacheChecks, withUpstreams } from './proxy-cache.js';
import { isNetworkList, isUrlPath } from './values.js';
import { vcl } from './varnish/vcl.js';

/** Options of {@link varnishCache}. */
export interface VarnishCacheOptions extends ProxyCacheOptions {
  /** The path of the health check of an instance, or `false` for no probe. @default '/readyz' */
  readonly probePath?: string | false;
  /** Milliseconds between two probes of an instance. @default 1000 */
  readonly probeMs?: number;
  /**
   * Networks from which `PURGE` requests are accepted. A purge removes the stored responses of a URL; with
   * `trustForwarded`, for the protocol and host of its `X-Forwarded-*`.
   * @default none
   */
  readonly purgeFrom?: readonly string[];
}

/**
 * Generates the VCL for a Varnish, 6.5 or later, that caches the responses of an app. The `Cache-Control` of the
 * response decides whether and how long it is stored (see {@link cacheControl}). Responses without a lifetime are not
 * stored. One request per key is forwarded while the others wait. Stale responses are served during an update in the
 * background (`stale-while-revalidate`), instead of a 5xx (`stale-if-error`), and while the app cannot be reached. With
 * `must-revalidate` no stale response is served. Requests with `Authorization` or a session cookie bypass the cache.
 * Responses have `Cache-Status` (RFC 9211).
 *
 * Varnish does not support TLS: behind a TLS proxy set `trustForwarded`. Otherwise this proxy is one hop for the app:
 * `app.set('trust proxy', 1)`.
 *
 * @throws ProductionizeError when an option is wrong. No value can inject configuration.
 * @see https://varnish-cache.org/docs/7.1/users-guide/vcl-grace.html
 * @example
 * writeFileSync('default.vcl', varnishCache({ upstreams: ['127.0.0.1:3000'], purgeFrom: ['127.0.0.1'] }))
 */
export function varnishCache(options: VarnishCacheOptions): string {
  const {
    upstreams = [],
    name: site = 'app',
    sessionCookies = true,
    stale = 'directives',
    maxStaleSeconds = 86_400,
    timeoutSeconds = 60,
    trustForwarded = false,
    probePath = '/readyz',
    probeMs = 1000,
    purgeFrom = [],
  } = checkOptions<VarnishCacheOptions>('varnishCache', withUpstreams(options), {
    ...proxyCacheChecks,
    probePath: isEither(isOneOf(false), isUrlPath),
    probeMs: isInteger('milliseconds', 100, 3_600_000),
    purgeFrom: isNetworkList,
  });
  return vcl({
    name: `cache_${site}`,
    upstreams,
    sessionCookies,
    stale,
    maxStaleSeconds,
    timeoutSeconds,
    trustForwarded,
    probePath,
    probeMs,
    purgeFrom,
    bodyLimit: null,
    hiddenPaths: [],
    webSocketPaths: ['/'],
    eventStreamPaths: [],
    compress: false,
    reusesConnections: true,
  });
}
