import type { DeploymentFacts } from '../deployment-facts.js';
import { intermediateCiphers } from '../nginx/tls.js';
import { forgeableHeaders, indent } from '../proxy-cache.js';
import { healthPaths, keepaliveSeconds, responseSeconds, siteName } from '../proxy-target.js';
import type { HaproxyOptions } from './haproxy-options.js';
import { serverLines } from './server-lines.js';

/** Milliseconds between two checks of an instance. */
export const usualCheckMs = 1000;

const unavailable =
  '<!doctype html><meta charset=utf-8><title>Unavailable</title><h1>Unavailable</h1><p>The service does not respond. Please try again in a few seconds.</p>';

/** The lines of a load balancer in front of the app, for facts and options that are checked. */
export function balancerLines(facts: DeploymentFacts, options: HaproxyOptions): string[] {
  const name = siteName(facts);
  return [
    ...section('global', [
      'log stdout format raw local0',
      '# `show stat`, and `set server … state drain` before an operator stops an instance',
      `stats socket unix@${options.statsSocket ?? '/run/haproxy/admin.sock'} mode 660 level admin`,
      '# the intermediate profile of Mozilla',
      'ssl-default-bind-options ssl-min-ver TLSv1.2 no-tls-tickets',
      `ssl-default-bind-ciphers ${intermediateCiphers.join(':')}`,
    ]),
    ...section('defaults', [
      'mode http',
      'log global',
      'option httplog',
      'option dontlognull',
      ...timeouts(facts, options),
      '# of HAProxy itself; errors of the app are not replaced',
      ...[502, 503, 504].map(
        (status) =>
          `http-error status ${status} content-type text/html hdr Retry-After 5 hdr Cache-Control no-store string '${unavailable}'`,
      ),
    ]),
    ...section(`frontend ${name}`, frontend(facts, options, name)),
    ...section(`backend ${name}_app`, backend(facts, options, name)),
  ];
}

function section(head: string, lines: readonly string[]): string[] {
  return [head, ...indent(lines), ''];
}

function timeouts(
  facts: DeploymentFacts,
  { timeoutSeconds, checkMs = usualCheckMs }: HaproxyOptions,
): string[] {
  return [
    'timeout connect 2s',
    '# of a check, also where the app accepts it and does not respond',
    `timeout check ${Math.max(checkMs, 2000)}ms`,
    '# slow headers would hold connections open',
    'timeout http-request 10s',
    'timeout http-keep-alive 60s',
    'timeout client 60s',
    '# the limit of the app passes first, so that its own response reaches the client',
    `timeout server ${timeoutSeconds ?? responseSeconds(facts)}s`,
    '# a WebSocket is silent between two messages',
    'timeout tunnel 1h',
    'timeout client-fin 30s',
  ];
}

function frontend(facts: DeploymentFacts, options: HaproxyOptions, name: string): string[] {
  const { certificate, exposeHealth = false, trustForwarded = false } = options;
  const limit = options.maxBodyBytes ?? facts.bodyLimitBytes;
  const health = exposeHealth ? [] : healthPaths(facts);
  return [
    ...binds(options),
    ...(certificate === undefined ? [] : ['http-request redirect scheme https code 308 unless { ssl_fc }']),
    ...(health.length > 0
      ? [
          '# for the checks below, not for clients',
          `http-request return status 404 if { path,url_dec -i ${health.flatMap((path) => [path, `${path}/`]).join(' ')} }`,
        ]
      : []),
    ...(limit === null
      ? []
      : [
          '# the limit of the app: a larger body does not reach it',
          `http-request deny deny_status 413 if { req.hdr_val(content-length) gt ${limit} }`,
        ]),
    ...forwardedHeaders(trustForwarded),
    ...(certificate === undefined
      ? []
      : ['http-response set-header Strict-Transport-Security max-age=63072000']),
    ...upgrades(facts),
    `default_backend ${name}_app`,
  ];
}

function binds({ certificate, listen }: HaproxyOptions): string[] {
  const address = (at: number | string) => (typeof at === 'number' ? `:${at}` : at);
  if (certificate === undefined) return [`bind ${address(listen ?? 80)}`];
  return [
    ...(listen === undefined ? ['bind :80'] : []),
    `bind ${address(listen ?? 443)} ssl crt ${certificate} alpn h2,http/1.1`,
  ];
}

function forwardedHeaders(trusted: boolean): string[] {
  if (trusted) {
    return [
      '# the balancer in front overwrites X-Forwarded-*: its address is added',
      'http-request del-header Forwarded',
      'option forwardfor',
      'http-request set-header X-Forwarded-Proto https if { ssl_fc } !{ req.hdr(X-Forwarded-Proto) -m found }',
      'http-request set-header X-Forwarded-Proto http if !{ ssl_fc } !{ req.hdr(X-Forwarded-Proto) -m found }',
    ];
  }
  return [
    '# this is the edge: forwarded headers of clients are not trusted',
    'http-request set-header X-Forwarded-For %[src]',
    'http-request set-header X-Forwarded-Host %[req.hdr(Host)]',
    'http-request set-header X-Forwarded-Proto https if { ssl_fc }',
    'http-request set-header X-Forwarded-Proto http if !{ ssl_fc }',
    ...forgeableHeaders.map((header) => `http-request del-header ${header}`),
  ];
}

/** WebSockets are the only upgrades that reach the app. */
function upgrades({ webSocketPaths }: DeploymentFacts): string[] {
  const paths = webSocketPaths.map((path) => path.replace(/\/+$/, ''));
  const other = '!{ req.hdr(Upgrade) -i websocket }';
  const elsewhere = paths.includes('') ? [] : [`!{ path_beg ${paths.join(' ')} }`];
  const conditions = paths.length === 0 ? [''] : [` if ${other}`, ...elsewhere.map((acl) => ` if ${acl}`)];
  return [
    paths.length === 0
      ? '# no path accepts upgrades'
      : '# WebSockets are the only upgrades that reach the app',
    ...conditions.map((condition) => `http-request del-header Upgrade${condition}`),
  ];
}

function backend(facts: DeploymentFacts, options: HaproxyOptions, name: string): string[] {
  const { affinity, certificate, trustForwarded = false, checkMs = usualCheckMs } = options;
  const { health, port } = facts;
  const secure = certificate === undefined ? '' : ' secure';
  return [
    ...(affinity === 'ip'
      ? [
          trustForwarded ? 'balance hdr(X-Forwarded-For)' : 'balance source',
          '# without one instance, only its clients change to another one',
          'hash-type consistent',
        ]
      : ['balance leastconn']),
    ...(affinity === 'cookie'
      ? [
          '# the cookie is of HAProxy: the app does not see it, and no cache stores a response that sets it',
          `cookie ${name}_instance insert indirect nocache httponly${secure} attr SameSite=Lax`,
        ]
      : []),
    ...(health === null
      ? ['# the app has no health checks: an open port is all that can be checked']
      : [
          '# readiness fails while an instance drains, so that it gets no new requests before it stops',
          'option httpchk',
          `http-check send meth GET uri ${health.readiness} ver HTTP/1.1 hdr Host localhost`,
          'http-check expect status 200',
        ]),
    '# a request that may have run is sent again only where its method is idempotent',
    'retries 2',
    'option redispatch 1',
    'retry-on conn-failure empty-response',
    'http-request disable-l7-retry if !{ method GET HEAD OPTIONS }',
    ...(facts.eventStreamPaths.length > 0
      ? [
          '# an event stream is silent between two events',
          `http-request set-timeout server 1h if { path_beg ${facts.eventStreamPaths.join(' ')} }`,
        ]
      : []),
    ...(keepaliveSeconds(facts) > 0
      ? ['http-reuse safe']
      : ['# the app closes idle connections too early for any reuse', 'http-reuse never']),
    ...(facts.compression
      ? []
      : [
          '# the app does not compress',
          'compression algo gzip',
          'compression type text/html text/plain text/css text/javascript application/javascript application/json image/svg+xml',
        ]),
    `default-server check inter ${checkMs}ms fall 1 rise 1 init-addr last,libc,none`,
    ...serverLines(name, options.upstreams ?? [`127.0.0.1:${port}`], options),
  ];
}
