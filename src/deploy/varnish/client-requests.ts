import { cookiePattern, forgeableHeaders, indent } from '../proxy-cache.js';

/** What a request is checked for before it is looked up or forwarded. */
export interface ClientRequestOptions {
  readonly name: string;
  readonly trustForwarded: boolean;
  readonly sessionCookies: true | readonly string[];
  readonly mayPurge: boolean;
  /** The largest body in bytes, where the client states its length. */
  readonly bodyLimit: number | null;
  /** Paths that clients do not reach. */
  readonly hiddenPaths: readonly string[];
  /** Paths of WebSockets; `/` for any path. */
  readonly webSocketPaths: readonly string[];
  readonly eventStreamPaths: readonly string[];
}

/** The lines about forwarded headers, for the first run of a request. */
export function forwardedHeaders(trusted: boolean): string[] {
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

/** The lines of `vcl_recv` that refuse, forward or look up a request. */
export function dispatch(options: ClientRequestOptions): string[] {
  return indent([
    ...purge(options),
    ...hidden(options.hiddenPaths),
    ...limit(options.bodyLimit),
    ...webSockets(options.webSocketPaths),
    ...(options.eventStreamPaths.length === 0
      ? []
      : [
          '// one client does not wait for the stream of another one',
          ...when(`req.url ~ "${pathPattern(options.eventStreamPaths)}"`, pass('request')),
        ]),
    ...when('req.method != "GET" && req.method != "HEAD"', pass('method')),
    ...when('req.http.Authorization', pass('request')),
    ...cookies(options.sessionCookies),
  ]);
}

/** A pattern for URLs at or below these paths, as the app matches them: in any case. */
export function pathPattern(paths: readonly string[]): string {
  const patterns = paths.map((path) => path.replace(/\/+$/, '').replaceAll('.', '[.]'));
  return `(?i)^(${patterns.join('|')})([/?]|$)`;
}

function when(condition: string, lines: readonly string[]): string[] {
  return [`if (${condition}) {`, ...indent(lines), '}'];
}

function pass(forwarded: string): string[] {
  return [`set req.http.X-Cache-Status = "fwd=${forwarded}";`, 'return (pass);'];
}

function purge({ mayPurge, name }: ClientRequestOptions): string[] {
  if (!mayPurge) return [];
  return when('req.method == "PURGE"', [
    ...when(`client.ip !~ ${name}_purgers`, ['return (synth(405));']),
    'return (purge);',
  ]);
}

function hidden(paths: readonly string[]): string[] {
  if (paths.length === 0) return [];
  // the app decodes a path before it matches one
  const pattern = paths.map((path) => [...path.replace(/\/+$/, '')].map(anyForm).join('')).join('|');
  return [
    '// what checks the health of an instance reaches it directly',
    ...when(`req.url ~ "(?i)^(${pattern})(/|%2f)?([?]|$)"`, ['return (synth(404));']),
  ];
}

function anyForm(letter: string): string {
  const forms = new Set([letter, letter.toLowerCase(), letter.toUpperCase()]);
  const codes = [...forms].map((form) => `%${form.charCodeAt(0).toString(16)}`);
  return `(${letter === '.' ? '[.]' : letter}|${[...new Set(codes)].join('|')})`;
}

function limit(bytes: number | null): string[] {
  if (bytes === null) return [];
  const length = `std.integer(req.http.Content-Length, ${bytes + 1})`;
  return [
    '// the limit of the app: a larger body does not reach it',
    ...when(`req.http.Content-Length && ${length} > ${bytes}`, ['return (synth(413));']),
  ];
}

function webSockets(paths: readonly string[]): string[] {
  if (paths.length === 0) return ['// no path accepts upgrades'];
  const isAny = paths.some((path) => /^\/*$/.test(path));
  const elsewhere = isAny ? '' : ` && req.url ~ "${pathPattern(paths)}"`;
  return [
    '// WebSockets are the only upgrades that reach the app',
    ...when(`req.method == "GET" && req.http.Upgrade ~ "(?i)^websocket$"${elsewhere}`, ['return (pipe);']),
  ];
}

function cookies(session: true | readonly string[]): string[] {
  if (session === true) return when('req.http.Cookie', pass('request'));
  return [
    ...when(`req.http.Cookie ~ "${cookiePattern(session)}"`, pass('request')),
    '// a stored response must not depend on a cookie: it is not forwarded',
    'unset req.http.Cookie;',
  ];
}
