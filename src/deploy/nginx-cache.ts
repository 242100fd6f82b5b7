import { checkOptions, isInteger } from '../support/options.js';
import { block, map } from './nginx/blocks.js';
import { forwardedHeaders } from './nginx/forwarded-headers.js';
import { sessionEntries, storedResponses } from './nginx/stored-responses.js';
import { cookiePattern, type ProxyCacheOptions, proxyCacheChecks, withUpstreams } from './proxy-cache.js';
import { isDirectory, isHostNameList, isListen } from './values.js';

/** Options of {@link nginxCache}. */
export interface NginxCacheOptions extends ProxyCacheOptions {
  /** A port, or `host:port`. @default 80 */
  readonly listen?: number | string;
  /** The `server_name` of the site. @default ['_'] */
  readonly serverNames?: readonly string[];
  /** The directory of the cache, which nginx creates. @default '/var/cache/nginx/<name>' */
  readonly cachePath?: string;
  /** Megabytes of memory for keys, about 8,000 keys each. @default 10 */
  readonly keysMegabytes?: number;
  /** Megabytes of responses on disk. @default 1024 */
  readonly maxMegabytes?: number;
  /** Seconds that requests wait for another one with the same key before they are also forwarded. @default 5 */
  readonly lockSeconds?: number;
  /** Idle connections to the app per nginx worker. @default 32 */
  readonly keepalive?: number;
}

/**
 * Generates an nginx site that caches the responses of an app, for the `http` context (`conf.d/app.conf`) of nginx 1.18
 * or later. The `Cache-Control` of the response decides whether and how long it is stored (see {@link cacheControl}).
 * One request per key is forwarded while the others wait. Stale responses are served during an update in the
 * background. Requests with `Authorization` or a session cookie bypass the cache. Responses have `Cache-Status` (RFC
 * 9211).
 *
 * This proxy is one hop for the app: `app.set('trust proxy', 1)`. nginx does not support `must-revalidate`, and
 * `stale-if-error` for error responses (`stale: 'always'` covers that). It ignores `Age`, so a response from a cache in
 * the app is stored for the lifetime of both caches.
 *
 * @throws ProductionizeError when an option is wrong. No value can inject configuration.
 * @see https://nginx.org/en/docs/http/ngx_http_proxy_module.html#proxy_cache
 * @example
 * writeFileSync('app.conf', nginxCache({ upstreams: ['127.0.0.1:3000', '127.0.0.1:3001'] }))
 */
export function nginxCache(options: NginxCacheOptions): string {
  const {
    upstreams = [],
    name = 'app',
    sessionCookies = true,
    stale = 'directives',
    maxStaleSeconds = 86_400,
    timeoutSeconds = 60,
    trustForwarded = false,
    listen = 80,
    serverNames = ['_'],
    cachePath = `/var/cache/nginx/${name}`,
    keysMegabytes = 10,
    maxMegabytes = 1024,
    lockSeconds = 5,
    keepalive = 32,
  } = checkOptions<NginxCacheOptions>('nginxCache', withUpstreams(options), {
    ...proxyCacheChecks,
    listen: isListen,
    serverNames: isHostNameList,
    cachePath: isDirectory,
    keysMegabytes: isInteger('megabytes', 1, 65_536),
    maxMegabytes: isInteger('megabytes', 1, 2 ** 24),
    lockSeconds: isInteger('seconds', 1, 3600),
    keepalive: isInteger('connections', 1, 4096),
  });

  // The prefix avoids conflicts with variables of nginx such as `http_…` and `upstream_…`. A name of more than 46
  // characters exceeds a bucket of the hash of variables.
  const own = `$cache_${name.slice(0, 24)}`;
  const forwarded = forwardedHeaders(own, trustForwarded);
  const stored = storedResponses({
    name,
    own,
    cachePath,
    keysMegabytes,
    maxMegabytes,
    maxStaleSeconds,
    lockSeconds,
    stale,
    session: sessionEntries(sessionCookies === true || cookiePattern(sessionCookies)),
    origin: forwarded.origin,
  });

  return [
    stored.zone,
    '',
    ...block(`upstream ${name}`, [
      ...upstreams.map((upstream) => `server ${upstream} max_fails=0;`),
      `keepalive ${keepalive};`,
    ]),
    '',
    ...stored.maps,
    ...map('$http_upgrade', `${own}_connection`, ['default upgrade;', '"" "";']),
    ...forwarded.maps,
    ...block('server', [
      `listen ${listen};`,
      `server_name ${serverNames.join(' ')};`,
      '',
      ...block('location /', [
        `proxy_pass http://${name};`,
        'proxy_http_version 1.1;',
        'proxy_connect_timeout 2s;',
        `proxy_read_timeout ${timeoutSeconds}s;`,
        `proxy_send_timeout ${timeoutSeconds}s;`,
        '# only idempotent requests are sent to another upstream',
        'proxy_next_upstream error timeout;',
        '',
        'proxy_set_header Host $host;',
        ...forwarded.headers,
        stored.requestHeader,
        'proxy_set_header Upgrade $http_upgrade;',
        `proxy_set_header Connection ${own}_connection;`,
        '',
        ...stored.lines,
        stored.responseHeader,
      ]),
    ]),
    '',
  ].join('\n');
}
