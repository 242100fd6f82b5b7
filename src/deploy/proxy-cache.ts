import { type Check, isBoolean, isEither, isInteger, isOneOf, maxInt32 } from '../support/options.js';
import { isAddressList, isCookieList, isName } from './values.js';

/** What the caches in front of an app have in common. */
export interface ProxyCacheOptions {
  /** The instances of the app, each as `host:port`, with an IPv6 address in brackets. */
  readonly upstreams: readonly string[];
  /** What names in the file are made from: lower-case letters, digits and `_`. @default 'app' */
  readonly name?: string;
  /**
   * Cookies that belong to a user: a request with one of them goes past the cache. All of them, or those of these
   * names; then a GET with none of them reaches the app without its other cookies, so that no answer can depend on one.
   * @default true
   */
  readonly sessionCookies?: true | readonly string[];
  /**
   * When stale answers are served: as `stale-while-revalidate` and `stale-if-error` of the answer say, and while the app
   * cannot be reached; or also instead of every 500, 502, 503 and 504, and during every update.
   * @default 'asked'
   */
  readonly stale?: 'asked' | 'always';
  /** Seconds for which an answer is held to be served stale at all. @default 86400 */
  readonly keepSeconds?: number;
  /** Seconds the app may take to begin an answer, and to go on with it. @default 60 */
  readonly timeoutSeconds?: number;
  /**
   * Whether `X-Forwarded-*` of who connects is believed: there is a balancer in front that overwrites them. Otherwise
   * this is the edge, and they are overwritten here.
   * @default false
   */
  readonly trustForwarded?: boolean;
}

export const proxyCacheChecks: { [Name in keyof Required<ProxyCacheOptions>]: Check } = {
  upstreams: isAddressList,
  name: isName,
  sessionCookies: isEither(isOneOf(true), isCookieList),
  stale: isOneOf('asked', 'always'),
  keepSeconds: isInteger('seconds', 1, maxInt32),
  timeoutSeconds: isInteger('seconds', 1, 86_400),
  trustForwarded: isBoolean,
};

/**
 * Headers by which a client could have a say in an answer that others get, beside those that are overwritten: no app
 * behind an edge needs them.
 */
export const claims: readonly string[] = [
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

/** Options whose upstreams are checked even where they are missing: nothing can stand in for them. */
export function withUpstreams<Options extends ProxyCacheOptions>(options: Options): Options {
  return { ...options, upstreams: options?.upstreams ?? [] };
}

/** A regular expression for a `Cookie` header with one of these, in the words of both programs. */
export function cookiePattern(names: readonly string[]): string {
  return `(^|;[ \\t]*)(${names.map((name) => name.replaceAll('.', '[.]')).join('|')})=`;
}

/** Lines below others; empty ones stay empty. */
export function indent(lines: readonly string[], depth = 1): string[] {
  return lines.map((line) => (line === '' ? line : '    '.repeat(depth) + line));
}
