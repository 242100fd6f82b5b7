import { type Check, isBoolean, isEither, isInteger, isOneOf, maxInt32 } from '../support/options.js';
import { isAddressList, isCookieList, isName } from './values.js';

/** Options of both generators of configuration for caching proxies. */
export interface ProxyCacheOptions {
  /** The instances of the app, each as `host:port`, with an IPv6 address in brackets. */
  readonly upstreams: readonly string[];
  /** The base of all names in the file: lower-case letters, digits and `_`. @default 'app' */
  readonly name?: string;
  /**
   * The cookies with which a request bypasses the cache: all (`true`), or those with these names. With names, a GET
   * without such a cookie is forwarded without any cookie, so that no response can depend on them.
   * @default true
   */
  readonly sessionCookies?: true | readonly string[];
  /**
   * When stale responses are served. `'directives'`: within `stale-while-revalidate` and `stale-if-error` of the
   * response, and while the app cannot be reached. `'always'`: also instead of every 500, 502, 503 and 504, and during
   * every update.
   * @default 'directives'
   */
  readonly stale?: 'directives' | 'always';
  /** Seconds for which a response is stored in order to be served stale. @default 86400 */
  readonly maxStaleSeconds?: number;
  /** The maximum seconds until the app starts a response, and between two parts of the response. @default 60 */
  readonly timeoutSeconds?: number;
  /**
   * Whether `X-Forwarded-*` of the peer are trusted, because a load balancer in front overwrites them. Otherwise this
   * proxy is the edge and overwrites them.
   * @default false
   */
  readonly trustForwarded?: boolean;
}

export const proxyCacheChecks: { [Name in keyof Required<ProxyCacheOptions>]: Check } = {
  upstreams: isAddressList,
  name: isName,
  sessionCookies: isEither(isOneOf(true), isCookieList),
  stale: isOneOf('directives', 'always'),
  maxStaleSeconds: isInteger('seconds', 1, maxInt32),
  timeoutSeconds: isInteger('seconds', 1, 86_400),
  trustForwarded: isBoolean,
};

/**
 * Headers with which a client could influence a response for other clients, in addition to those that are overwritten.
 * These headers are removed at the edge.
 */
export const forgeableHeaders: readonly string[] = [
  'Forwarded',
  'X-Forwarded-Port',
  'X-Forwarded-Prefix',
  'X-Forwarded-Scheme',
  'X-Forwarded-Ssl',
  'X-Host',
  'X-Original-Host',
  'X-Original-URL',
  'X-Rewrite-URL',
];

/** Returns options in which missing upstreams fail the check, because they have no default. */
export function withUpstreams<Options extends ProxyCacheOptions>(options: Options): Options {
  return { ...options, upstreams: options?.upstreams ?? [] };
}

/** A regular expression, valid in nginx and Varnish, for a `Cookie` header with one of these names. */
export function cookiePattern(names: readonly string[]): string {
  return `(^|;[ \\t]*)(${names.map((name) => name.replaceAll('.', '[.]')).join('|')})=`;
}

/** Matches a `Vary` list with the member `*`: such a response never matches another request (RFC 9111 section 4.1). */
export const varyStar = '(^|,)[ \\t]*[*][ \\t]*(,|$)';

/** Indents lines. Empty lines stay empty. */
export function indent(lines: readonly string[], depth = 1): string[] {
  return lines.map((line) => (line === '' ? line : '    '.repeat(depth) + line));
}
