import { varyStar } from '../proxy-cache.js';
import { map } from './blocks.js';

export interface StoredResponsesOptions {
  /** The name of the zone. */
  readonly name: string;
  /** The prefix of the variables. */
  readonly own: string;
  readonly cachePath: string;
  readonly keysMegabytes: number;
  readonly maxMegabytes: number;
  readonly maxStaleSeconds: number;
  readonly lockSeconds: number;
  readonly stale: 'directives' | 'always';
  /** The entries of a map from the `Cookie` header to 1 for a session, otherwise 0. */
  readonly session: readonly string[];
  /** The scheme and host of the client: responses can depend on them. */
  readonly origin: string;
}

/** Directives of `proxy_cache`. */
export interface StoredResponses {
  readonly zone: string;
  readonly maps: readonly string[];
  /** Lines for a server or a location, without headers. */
  readonly lines: readonly string[];
  readonly requestHeader: string;
  readonly responseHeader: string;
}

/** The cache of nginx for the responses of an app: what is stored, for whom, and when it is served stale. */
export function storedResponses(options: StoredResponsesOptions): StoredResponses {
  const { name, own, cachePath, keysMegabytes, maxMegabytes, maxStaleSeconds, lockSeconds, stale } = options;
  const staleOn =
    stale === 'always' ? 'error timeout updating http_500 http_502 http_503 http_504' : 'error timeout';
  return {
    zone: `proxy_cache_path ${cachePath} levels=1:2 keys_zone=${name}:${keysMegabytes}m max_size=${maxMegabytes}m inactive=${maxStaleSeconds}s use_temp_path=off;`,
    maps: [
      ...map('$http_authorization', `${own}_authorized`, ['default 1;', '"" 0;']),
      '# the response to a request with a body is not shared',
      ...map('"$http_content_length$http_transfer_encoding"', `${own}_body`, [
        'default 1;',
        '"" 0;',
        '"~^0+$" 0;',
      ]),
      ...map('$http_cookie', `${own}_session`, options.session),
      '# a stored response must not depend on a cookie: it is not forwarded',
      ...map(`$request_method:${own}_session`, `${own}_cookie`, [
        'default $http_cookie;',
        '"~^(GET|HEAD):0$" "";',
      ]),
      '# errors other than 404 and 410 are not stored',
      ...map('$upstream_status', `${own}_error`, ['default 0;', '"~^(4(?!04|10)|5)" 1;']),
      '# a response with "*" among the members of Vary matches no other request',
      ...map('$upstream_http_vary', `${own}_vary`, ['default 0;', `"~${varyStar}" 1;`]),
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
    ],
    lines: [
      `proxy_cache ${name};`,
      `proxy_cache_key "${options.origin}$request_uri";`,
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
    ],
    requestHeader: `proxy_set_header Cookie ${own}_cookie;`,
    responseHeader: `add_header Cache-Status ${own}_cache_status always;`,
  };
}

/** The entries of the map of sessions: any cookie, or cookies that match the pattern. */
export function sessionEntries(pattern: string | true): string[] {
  return pattern === true ? ['default 1;', '"" 0;'] : ['default 0;', `"~${pattern}" 1;`];
}
