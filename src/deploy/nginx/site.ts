import type { DeploymentFacts } from '../deployment-facts.js';
import { cookiePattern } from '../proxy-cache.js';
import { healthPaths, keepaliveSeconds, responseSeconds, siteName } from '../proxy-target.js';
import { block, map } from './blocks.js';
import { bodyLimit, compression } from './bodies.js';
import { connection } from './connection.js';
import { errorPage } from './error-page.js';
import { forwardedHeaders } from './forwarded-headers.js';
import { listening } from './listen.js';
import { eventStreamLines, pathsLocation, webSocketLines } from './long-responses.js';
import type { NginxOptions } from './nginx-options.js';
import { staticLocations } from './static-locations.js';
import { type StoredResponses, sessionEntries, storedResponses } from './stored-responses.js';
import { affinityCookie, upstream } from './upstream.js';

/** The lines of a site in front of the app, for facts and options that are checked. */
export function siteLines(facts: DeploymentFacts, options: NginxOptions): string[] {
  const { trustForwarded = false, certificate, affinity, directory } = options;
  const { webSocketPaths, eventStreamPaths } = facts;
  const name = siteName(facts);
  // The prefix avoids conflicts with variables of nginx such as `http_…` and `upstream_…`.
  const own = `$site_${name}`;
  const secure = certificate !== undefined;
  const listen = listening(name, options);
  const instances = upstream({
    name,
    own,
    upstreams: options.upstreams ?? [`127.0.0.1:${facts.port}`],
    keepaliveSeconds: keepaliveSeconds(facts),
    affinity,
    trustForwarded,
    secure,
    nginxVersion: options.nginxVersion ?? '1.18',
    resolver: options.resolver,
  });
  const forwarded = forwardedHeaders(own, trustForwarded);
  const toApp = connection(own, keepaliveSeconds(facts) > 0, webSocketPaths.length > 0);
  const stored = options.cache === true ? cacheOf(facts, options, own, forwarded.origin) : undefined;
  const strict = secure ? [`add_header Strict-Transport-Security ${own}_hsts always;`] : [];

  const isAnyWebSocket = webSocketPaths.includes('/');
  const toWebSocket = isAnyWebSocket ? [`if (${own}_upgrade) { return 418; }`] : [];
  const files = staticLocations(
    own,
    directory ?? '',
    directory === undefined ? [] : facts.staticDirectories.filter(({ behind }) => behind.length === 0),
    strict,
    toWebSocket,
  );
  const proxied = [`proxy_pass http://${name};`];
  const webSocket = webSocketLines(name, stored !== undefined);

  return [
    ...(stored === undefined ? [] : [stored.zone, '']),
    ...instances.lines,
    ...(stored?.maps ?? []),
    ...toApp.maps,
    ...forwarded.maps,
    ...(secure ? strictMap(own) : []),
    ...files.maps,
    ...listen.redirect,
    ...block('server', [
      ...listen.lines,
      'server_tokens off;',
      '',
      ...bodyLimit(options.maxBodyBytes ?? facts.bodyLimitBytes),
      ...compression(facts.compression),
      '',
      ...toApp.headers,
      'proxy_set_header Host $host;',
      ...forwarded.headers,
      ...(stored === undefined ? [] : [stored.requestHeader]),
      '',
      ...timeouts(options.timeoutSeconds ?? responseSeconds(facts)),
      '',
      ...(stored === undefined ? [] : [...stored.lines, stored.responseHeader]),
      ...instances.headers,
      ...strict,
      '# only where no instance responds; errors of the app are not replaced',
      'error_page 502 503 504 @unavailable;',
      ...(isAnyWebSocket ? ['error_page 418 = @websocket;', 'recursive_error_pages on;'] : []),
      '',
      ...pathsLocation(options.exposeHealth === true ? [] : healthPaths(facts), hidden, false),
      ...pathsLocation(
        webSocketPaths.filter((path) => path !== '/'),
        webSocket,
      ),
      ...pathsLocation(eventStreamPaths, eventStreamLines(name, stored !== undefined)),
      ...files.locations,
      ...(files.hasRoot ? [] : [...block('location /', [...toWebSocket, ...proxied]), '']),
      ...(files.locations.length > 0 ? [...block('location @app', proxied), ''] : []),
      ...(isAnyWebSocket ? [...block('location @websocket', webSocket), ''] : []),
      ...block('location @unavailable', errorPage(strict)),
    ]),
    '',
  ];
}

const hidden = ['# what checks the health of an instance reaches it directly', 'return 404;'];

function strictMap(own: string): string[] {
  return [
    '# the header of the app passes; static files and an app without it have this one',
    ...map('$upstream_http_strict_transport_security', `${own}_hsts`, [
      'default "";',
      '"" "max-age=63072000";',
    ]),
  ];
}

function timeouts(seconds: number): string[] {
  return [
    'proxy_connect_timeout 2s;',
    '# longer than the limit of the app, whose own response then reaches the client',
    `proxy_read_timeout ${seconds}s;`,
    `proxy_send_timeout ${seconds}s;`,
    '# a POST that an instance may have handled is not sent again: there is no non_idempotent',
    'proxy_next_upstream error timeout;',
    '# a slow handler is not started on one instance after the other',
    'proxy_next_upstream_timeout 10s;',
  ];
}

function cacheOf(
  facts: DeploymentFacts,
  options: NginxOptions,
  own: string,
  origin: string,
): StoredResponses {
  const name = siteName(facts);
  const { sessionCookies } = facts;
  const entries = sessionEntries(sessionCookies.length === 0 || cookiePattern(sessionCookies));
  // without known sessions each cookie is one, except for that of the proxy
  const isOwnCookie = options.affinity === 'cookie' && sessionCookies.length === 0;
  return storedResponses({
    name,
    own,
    cachePath: options.cachePath ?? `/var/cache/nginx/${name}`,
    keysMegabytes: 10,
    maxMegabytes: 1024,
    maxStaleSeconds: 86_400,
    lockSeconds: 5,
    stale: 'directives',
    session: isOwnCookie ? [...entries, `"~^${affinityCookie(name)}=[^;]*$" 0;`] : entries,
    origin,
  });
}
