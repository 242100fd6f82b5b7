import { checkOptions, isEither, isInteger, isOneOf } from '../support/options.js';
import {
  cookiePattern,
  forgeableHeaders,
  indent,
  type ProxyCacheOptions,
  proxyCacheChecks,
  varyStar,
  withUpstreams,
} from './proxy-cache.js';
import { addressOf, isNetworkList, isUrlPath } from './values.js';

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
  // The prefix avoids conflicts with keywords and modules of VCL.
  const name = `cache_${site}`;
  const backends = upstreams.map((upstream, i) => ({ ...addressOf(upstream), id: `${name}_${i + 1}` }));
  const always = stale === 'always';

  return `vcl 4.1;

import directors;
import std;

${probe(name, probePath, probeMs)}${backends
  .map(
    ({ id, host, port }) => `backend ${id} {
    .host = "${host}";
    .port = "${port}";
    .connect_timeout = 2s;
    .first_byte_timeout = ${timeoutSeconds}s;
    .between_bytes_timeout = ${timeoutSeconds}s;
${probePath === false ? '' : `    .probe = ${name}_probe;\n`}}
`,
  )
  .join('\n')}
${purgers(name, purgeFrom)}sub vcl_init {
    new ${name} = directors.round_robin();
${backends.map(({ id }) => `    ${name}.add_backend(${id});`).join('\n')}
}

sub vcl_recv {
    set req.backend_hint = ${name}.backend();
    if (req.restarts == 0) {
        unset req.http.X-Stale;
        unset req.http.X-Cache-Status;
${indent(forwarded(trustForwarded), 2).join('\n')}
    } else if (req.http.X-Stale == "use") {
        set req.grace = ${maxStaleSeconds}s;
    } else {
        // a fresh response is required now; requests for the same object wait for one response
        set req.grace = 0s;
    }
${purgeFrom.length > 0 ? purge(name) : ''}    if (req.http.Upgrade ~ "(?i)websocket") {
        return (pipe);
    }
    if (req.method != "GET" && req.method != "HEAD") {
        set req.http.X-Cache-Status = "fwd=method";
        return (pass);
    }
    if (req.http.Authorization) {
        set req.http.X-Cache-Status = "fwd=request";
        return (pass);
    }
${indent(cookies(sessionCookies)).join('\n')}
}

${trustForwarded ? hash : ''}sub vcl_pipe {
    if (req.http.Upgrade) {
        set bereq.http.Upgrade = req.http.Upgrade;
        set bereq.http.Connection = req.http.Connection;
    }
}

sub vcl_hit {
    set req.http.X-Cache-Status = "hit; ttl=" + std.integer(duration=obj.ttl, fallback=0);
    if (obj.ttl > 0s || obj.ttl + std.duration(obj.http.X-Stale-While-Revalidate, 0s) > 0s) {
        return (deliver);
    }
    // the backend failed after a restart, or no backend is healthy
    if (req.http.X-Stale == "use" || !std.healthy(req.backend_hint)) {
        return (deliver);
    }
    // the stale response may be delivered instead of an error, or when there is no response
    if (obj.ttl + std.duration(obj.http.X-Stale-If-Error, 0s) > 0s) {
        set req.http.X-Stale = "if-error";
    } else {
        set req.http.X-Stale = "if-down";
    }
    return (restart);
}

sub vcl_miss {
    if (req.http.X-Stale) {
        set req.http.X-Cache-Status = "fwd=stale";
    } else {
        set req.http.X-Cache-Status = "fwd=uri-miss";
    }
}

sub vcl_backend_fetch {
    unset bereq.http.X-Cache-Status;
}

sub vcl_backend_response {
    unset beresp.http.X-Stale-While-Revalidate;
    unset beresp.http.X-Stale-If-Error;
    if (beresp.status >= 500) {
        // an error does not replace a stale response that may be delivered instead
        if (bereq.is_bgfetch || bereq.http.X-Stale == "if-error") {
            return (abandon);
        }
        set beresp.ttl = 0s;
        set beresp.grace = 0s;
        set beresp.keep = 0s;
        return (deliver);
    }
    if (beresp.http.Cache-Control !~ "(?i)(^|,)[ \\t]*(s-maxage|max-age)[ \\t]*=" && (beresp.http.Expires !~ "${httpDate}" || std.time(beresp.http.Expires, now) <= now)) {
        // no lifetime, or an Expires that is invalid or past (RFC 9111 section 5.3)
        set beresp.uncacheable = true;
        set beresp.ttl = 120s;
        return (deliver);
    }
    if (beresp.http.Vary ~ "${varyStar}") {
        set beresp.uncacheable = true;
        set beresp.ttl = 120s;
        return (deliver);
    }
    if (beresp.http.Cache-Control ~ "(?i)(^|,)[ \\t]*(must-revalidate|proxy-revalidate)[ \\t]*(,|$)") {
        set beresp.grace = 0s;
    } else {
        if (beresp.http.Cache-Control ~ "(?i)(^|,)[ \\t]*stale-while-revalidate=") {
            set beresp.http.X-Stale-While-Revalidate = beresp.grace + "s";
        }
        if (beresp.http.Cache-Control ~ "(?i)(^|,)[ \\t]*stale-if-error=[0-9]") {
            set beresp.http.X-Stale-If-Error = regsub(beresp.http.Cache-Control, "(?i)^(.*,)?[ \\t]*stale-if-error=([0-9]{1,9}).*$", "\\2s");
        }
${always ? `        set beresp.http.X-Stale-While-Revalidate = "${maxStaleSeconds}s";\n        set beresp.http.X-Stale-If-Error = "${maxStaleSeconds}s";\n` : ''}        set beresp.grace = ${maxStaleSeconds}s;
    }
}

sub vcl_backend_error {
    if (bereq.http.X-Stale) {
        return (abandon);
    }
}

sub vcl_synth {
    // the backend failed: deliver the stale response
    if (req.http.X-Stale == "if-error" || req.http.X-Stale == "if-down") {
        set req.http.X-Stale = "use";
        return (restart);
    }
}

sub vcl_deliver {
    unset resp.http.X-Stale-While-Revalidate;
    unset resp.http.X-Stale-If-Error;
    if (resp.http.Cache-Status) {
        set resp.http.Cache-Status = resp.http.Cache-Status + ", Varnish; " + req.http.X-Cache-Status;
    } else {
        set resp.http.Cache-Status = "Varnish; " + req.http.X-Cache-Status;
    }
}
`;
}

const httpDate =
  '^(Mon|Tue|Wed|Thu|Fri|Sat|Sun), [0-9]{2} [A-Z][a-z]{2} [0-9]{4} [0-9]{2}:[0-9]{2}:[0-9]{2} GMT$';

function probe(name: string, path: string | false, ms: number): string {
  if (path === false) return '';
  return `probe ${name}_probe {
    .url = "${path}";
    .interval = ${ms}ms;
    .timeout = 2s;
    .window = 3;
    .threshold = 2;
    .initial = 2;
}

`;
}

function forwarded(trusted: boolean): string[] {
  // Varnish itself appends the address of the client to X-Forwarded-For.
  if (trusted) {
    return [
      'unset req.http.Forwarded;',
      'if (!req.http.X-Forwarded-Proto) {',
      '    set req.http.X-Forwarded-Proto = "http";',
      '}',
    ];
  }
  return [
    '// this is the edge: forwarded headers of clients are not trusted',
    'set req.http.X-Forwarded-For = client.ip;',
    'set req.http.X-Forwarded-Host = req.http.Host;',
    'set req.http.X-Forwarded-Proto = "http";',
    ...forgeableHeaders.map((header) => `unset req.http.${header};`),
  ];
}

function cookies(session: true | readonly string[]): string[] {
  const passed = ['    set req.http.X-Cache-Status = "fwd=request";', '    return (pass);'];
  if (session === true) return ['if (req.http.Cookie) {', ...passed, '}'];
  return [
    `if (req.http.Cookie ~ "${cookiePattern(session)}") {`,
    ...passed,
    '}',
    '// a stored response must not depend on a cookie: it is not forwarded',
    'unset req.http.Cookie;',
  ];
}

// Responses can depend on the scheme and the host of the client.
const hash = `sub vcl_hash {
    hash_data(req.http.X-Forwarded-Proto);
    hash_data(req.http.X-Forwarded-Host);
}

`;

function purgers(name: string, networks: readonly string[]): string {
  if (networks.length === 0) return '';
  const entries = networks.map((network) => {
    const [address, length] = network.split('/');
    return `    "${address}"${length === undefined ? '' : `/${length}`};`;
  });
  return `acl ${name}_purgers {\n${entries.join('\n')}\n}\n\n`;
}

function purge(name: string): string {
  return `    if (req.method == "PURGE") {
        if (client.ip !~ ${name}_purgers) {
            return (synth(405));
        }
        return (purge);
    }
`;
}
