import { checkOptions, isInteger } from '../support/options.js';
import {
  cookiePattern,
  forgeableHeaders,
  indent,
  type ProxyCacheOptions,
  proxyCacheChecks,
  varyStar,
  withUpstreams,
} from './proxy-cache.js';
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

  // The prefix avoids conflicts with variables of nginx such as `http_…` and `upstream_…`.
  const own = `$cache_${name}`;
  const staleOn =
    stale === 'always' ? 'error timeout updating http_500 http_502 http_503 http_504' : 'error timeout';
  const session =
    sessionCookies === true
      ? ['default 1;', '"" 0;']
      : ['default 0;', `"~${cookiePattern(sessionCookies)}" 1;`];
  const forwarded = trustForwarded
    ? [
        'proxy_set_header Forwarded "";',
        'proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;',
        `proxy_set_header X-Forwarded-Host ${own}_forwarded_host;`,
        `proxy_set_header X-Forwarded-Proto ${own}_forwarded_proto;`,
      ]
    : [
        '# this is the edge: forwarded headers of clients are not trusted',
        'proxy_set_header X-Forwarded-For $remote_addr;',
        'proxy_set_header X-Forwarded-Host $host;',
        'proxy_set_header X-Forwarded-Proto $scheme;',
        ...forgeableHeaders.map((header) => `proxy_set_header ${header} "";`),
      ];
  // Responses can depend on the scheme and the host of the client.
  const key = trustForwarded
    ? `${own}_forwarded_proto://$host/${own}_forwarded_host$request_uri`
    : '$scheme://$host$request_uri';

  return [
    `proxy_cache_path ${cachePath} levels=1:2 keys_zone=${name}:${keysMegabytes}m max_size=${maxMegabytes}m inactive=${maxStaleSeconds}s use_temp_path=off;`,
    '',
    `upstream ${name} {`,
    ...indent(upstreams.map((upstream) => `server ${upstream} max_fails=0;`)),
    ...indent([`keepalive ${keepalive};`]),
    '}',
    '',
    ...map('$http_authorization', `${own}_authorized`, ['default 1;', '"" 0;']),
    '# the response to a request with a body is not shared',
    ...map('"$http_content_length$http_transfer_encoding"', `${own}_body`, [
      'default 1;',
      '"" 0;',
      '"~^0+$" 0;',
    ]),
    ...map('$http_cookie', `${own}_session`, session),
    '# a stored response must not depend on a cookie: it is not forwarded',
    ...map(`$request_method:${own}_session`, `${own}_cookie`, [
      'default $http_cookie;',
      '"~^(GET|HEAD):0$" "";',
    ]),
    '# errors other than 404 and 410 are not stored',
    ...map('$upstream_status', `${own}_error`, ['default 0;', '"~^(4(?!04|10)|5)" 1;']),
    '# a response with "*" among the members of Vary matches no other request',
    ...map('$upstream_http_vary', `${own}_vary`, ['default 0;', `"~${varyStar}" 1;`]),
    ...map('$http_upgrade', `${own}_connection`, ['default upgrade;', '"" "";']),
    ...(trustForwarded
      ? [
          ...map('$http_x_forwarded_proto', `${own}_forwarded_proto`, [
            'default $scheme;',
            'https https;',
            'http http;',
          ]),
          ...map('$http_x_forwarded_host', `${own}_forwarded_host`, [
            'default $host;',
            String.raw`"~^[\w.-]+(:\d+)?$" $http_x_forwarded_host;`,
          ]),
        ]
      : []),
    ...map('$upstream_cache_status', `${own}_cache_status`, [
      'default "nginx; fwd=method";',
      'HIT "nginx; hit";',
      'STALE "nginx; hit; detail=STALE";',
      'UPDATING "nginx; hit; detail=UPDATING";',
      'MISS "nginx; fwd=uri-miss";',
      'EXPIRED "nginx; fwd=stale";',
      'REVALIDATED "nginx; fwd=stale; fwd-status=304";',
      'BYPASS "nginx; fwd=request";',
    ]),
    'server {',
    ...indent([
      `listen ${listen};`,
      `server_name ${serverNames.join(' ')};`,
      '',
      'location / {',
      ...indent([
        `proxy_pass http://${name};`,
        'proxy_http_version 1.1;',
        `proxy_connect_timeout 2s;`,
        `proxy_read_timeout ${timeoutSeconds}s;`,
        `proxy_send_timeout ${timeoutSeconds}s;`,
        '# only idempotent requests are sent to another upstream',
        'proxy_next_upstream error timeout;',
        '',
        'proxy_set_header Host $host;',
        ...forwarded,
        `proxy_set_header Cookie ${own}_cookie;`,
        'proxy_set_header Upgrade $http_upgrade;',
        `proxy_set_header Connection ${own}_connection;`,
        '',
        `proxy_cache ${name};`,
        `proxy_cache_key "${key}";`,
        '# one request per key is forwarded, the others wait for its response',
        'proxy_cache_lock on;',
        `proxy_cache_lock_timeout ${lockSeconds}s;`,
        `proxy_cache_lock_age ${lockSeconds}s;`,
        '# stale-while-revalidate and stale-if-error of the response apply, too',
        `proxy_cache_use_stale ${staleOn};`,
        'proxy_cache_background_update on;',
        'proxy_cache_revalidate on;',
        `proxy_cache_bypass ${own}_authorized ${own}_session ${own}_body;`,
        `proxy_no_cache ${own}_authorized ${own}_session ${own}_body ${own}_error ${own}_vary;`,
        `add_header Cache-Status ${own}_cache_status always;`,
      ]),
      '}',
    ]),
    '}',
    '',
  ].join('\n');
}

function map(source: string, variable: string, entries: readonly string[]): string[] {
  return [`map ${source} ${variable} {`, ...indent(entries), '}', ''];
}
