import type { ServerResponse } from 'node:http';
import type { RequestHandler } from 'express';
import { ProductionizeError, quote } from '../../support/errors.js';
import {
  type Check,
  checkOptions,
  isBoolean,
  isInteger,
  maxInt32,
  refuseRequest,
} from '../../support/options.js';
import { type ResponseWatcher, responseHooks } from '../../support/response-hooks.js';

/** Options of {@link cacheControl}: the directives of a response (RFC 9111, 5861 and 8246). */
export interface CacheControlOptions {
  /**
   * Shared caches may store it even if the request had `Authorization`. Other responses need only `maxAge`.
   * @default false
   */
  readonly public?: boolean;
  /** Only the browser may store it: the response is for one user. @default false */
  readonly private?: boolean;
  /** No cache may store it. @default false */
  readonly noStore?: boolean;
  /** It may be stored and is revalidated before each use. @default false */
  readonly noCache?: boolean;
  /** Seconds for which it is fresh. @default undefined */
  readonly maxAge?: number;
  /** Seconds for which it is fresh in shared caches, instead of `maxAge`. @default undefined */
  readonly sMaxAge?: number;
  /** Seconds after that in which a cache serves it stale while it revalidates. @default undefined */
  readonly staleWhileRevalidate?: number;
  /** Seconds after that in which a cache serves it stale instead of an error. @default undefined */
  readonly staleIfError?: number;
  /** It never changes while it is fresh: a reload does not revalidate it. @default false */
  readonly immutable?: boolean;
  /** A stale one is never used without revalidation. @default false */
  readonly mustRevalidate?: boolean;
  /** The same as `mustRevalidate`, for shared caches only. @default false */
  readonly proxyRevalidate?: boolean;
  /** No cache may encode or convert it. @default false */
  readonly noTransform?: boolean;
}

type Directive = keyof CacheControlOptions;

// Caches treat greater values as this one (RFC 9111 section 1.2.2).
const isSeconds = isInteger('seconds', 0, maxInt32);

/** The directives, in the order in which they appear in the header. */
const directives: Record<Directive, readonly [name: string, check: Check]> = {
  public: ['public', isBoolean],
  private: ['private', isBoolean],
  noStore: ['no-store', isBoolean],
  noCache: ['no-cache', isBoolean],
  maxAge: ['max-age', isSeconds],
  sMaxAge: ['s-maxage', isSeconds],
  staleWhileRevalidate: ['stale-while-revalidate', isSeconds],
  staleIfError: ['stale-if-error', isSeconds],
  immutable: ['immutable', isBoolean],
  mustRevalidate: ['must-revalidate', isBoolean],
  proxyRevalidate: ['proxy-revalidate', isBoolean],
  noTransform: ['no-transform', isBoolean],
};
const names = Object.keys(directives) as Directive[];
const checks = Object.fromEntries(names.map((name) => [name, directives[name][1]]));

/** Directives that contradict each other, and why. */
const contradictions: readonly (readonly [one: Directive, others: readonly Directive[], why: string])[] = [
  ['private', ['public', 'sMaxAge', 'proxyRevalidate'], 'no shared cache stores a private response'],
  [
    'noStore',
    ['public', 'maxAge', 'sMaxAge', 'staleWhileRevalidate', 'staleIfError', 'immutable'],
    'a response that is not stored is neither fresh nor stale',
  ],
  [
    'noCache',
    ['staleWhileRevalidate', 'staleIfError', 'immutable'],
    'each use of the response revalidates it',
  ],
  [
    'mustRevalidate',
    ['staleWhileRevalidate', 'staleIfError'],
    'a stale response is never used without revalidation',
  ],
];

/** Directives that have no effect without one of the others. */
const needs: readonly (readonly [one: Directive, others: readonly Directive[]])[] = [
  ['immutable', ['maxAge']],
  ['staleWhileRevalidate', ['maxAge', 'sMaxAge']],
  ['staleIfError', ['maxAge', 'sMaxAge']],
];

/**
 * Middleware that sets `Cache-Control` on the response of a route, for browsers, CDNs, nginx, Varnish and {@link
 * responseCache}. A `Cache-Control` that the handler sets later takes precedence. A response with a status of 400 or
 * more is sent with `no-store`, unless the handler has set its own `Cache-Control`.
 *
 * @throws ProductionizeError when a directive is wrong, contradicts another, or has no effect without another.
 * @see https://www.rfc-editor.org/rfc/rfc9111#section-5.2.2
 * @see https://www.rfc-editor.org/rfc/rfc5861
 * @example
 * app.get('/news', cacheControl({ maxAge: 60, staleWhileRevalidate: 86_400 }), handler)
 */
export function cacheControl(options: CacheControlOptions): RequestHandler {
  const value = header(options);
  return function cacheControlMiddleware(_req, res, next) {
    if (!res.headersSent) (routeValues.of(res) ?? new RouteValue(res)).set(value);
    next();
  };
}

/**
 * Returns the header value as a string, for handlers that set it themselves.
 *
 * @throws ProductionizeError as {@link cacheControl} does.
 * @example
 * res.set('Cache-Control', cacheControl.header({ private: true, maxAge: 300 }))
 */
cacheControl.header = header;

function header(options: CacheControlOptions): string {
  refuseRequest('cacheControl', options, 'app.use(cacheControl({ maxAge: 60 }))');
  const given = checkOptions<CacheControlOptions>(
    'cacheControl',
    options,
    checks as never,
    'Pass the directives by name, such as cacheControl({ maxAge: 60 }).',
  );
  const isSet = (name: Directive): boolean => given[name] !== undefined && given[name] !== false;
  const list = (several: readonly Directive[]): string => several.map((name) => `\`${name}\``).join(' or ');
  for (const [one, others, why] of contradictions) {
    const other = others.find(isSet);
    if (isSet(one) && other) throw contradiction(given, `\`${one}\` without \`${other}\``, why);
  }
  // A max-age of 0 is accepted, because it has the same effect as no-cache and is often combined with it.
  const fresh = (['maxAge', 'sMaxAge'] as const).find((name) => (given[name] ?? 0) > 0);
  if (isSet('noCache') && fresh) {
    throw contradiction(given, `\`noCache\` without \`${fresh}\``, 'each use of the response revalidates it');
  }
  for (const [one, others] of needs) {
    if (isSet(one) && !others.some(isSet)) {
      throw contradiction(given, `\`${one}\` with ${list(others)}`, 'otherwise it is never fresh');
    }
  }
  const text = names
    .filter(isSet)
    .map((name) => (given[name] === true ? directives[name][0] : `${directives[name][0]}=${given[name]}`));
  if (text.length === 0) {
    throw contradiction(given, 'a directive', 'for instance { maxAge: 60 }, or { noStore: true }');
  }
  return text.join(', ');
}

function contradiction(given: object, expected: string, why: string): ProductionizeError {
  return new ProductionizeError(
    'ERR_PRODUCTIONIZE_OPTION',
    `cacheControl: expected ${expected}, got ${quote(given)}: ${why}.`,
  );
}

const routeValues = responseHooks<RouteValue>(Symbol('cache-control'));

/**
 * The value that a route has set, which is replaced in an error response. Error handlers, such as that of Express, do
 * not remove it.
 */
class RouteValue implements ResponseWatcher {
  readonly #res: ServerResponse;
  #value = '';

  constructor(res: ServerResponse) {
    this.#res = res;
    routeValues.watch(res, this);
  }

  set(value: string): void {
    this.#res.setHeader('Cache-Control', value);
    this.#value = value;
  }

  onHead(status: number): void {
    if (status >= 400 && this.#res.getHeader('Cache-Control') === this.#value) {
      this.#res.setHeader('Cache-Control', 'no-store');
    }
  }
}
