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
  /** Shared caches may keep even what was asked for with `Authorization`. `maxAge` alone allows them the rest. @default false */
  readonly public?: boolean;
  /** Only the browser may keep it: the response is for one user. @default false */
  readonly private?: boolean;
  /** Nobody keeps it. @default false */
  readonly noStore?: boolean;
  /** It may be kept, and is asked for again before each use. @default false */
  readonly noCache?: boolean;
  /** Seconds for which it is fresh. @default undefined */
  readonly maxAge?: number;
  /** Seconds for which it is fresh in shared caches, instead of `maxAge`. @default undefined */
  readonly sMaxAge?: number;
  /** Seconds after that in which a cache serves it at once and asks again meanwhile. @default undefined */
  readonly staleWhileRevalidate?: number;
  /** Seconds after that in which a cache serves it instead of an error. @default undefined */
  readonly staleIfError?: number;
  /** While fresh it never changes: a reload asks for nothing. @default false */
  readonly immutable?: boolean;
  /** Once stale it is never used without asking. @default false */
  readonly mustRevalidate?: boolean;
  /** The same, for shared caches alone. @default false */
  readonly proxyRevalidate?: boolean;
  /** No cache may encode or convert it. @default false */
  readonly noTransform?: boolean;
}

type Directive = keyof CacheControlOptions;

// RFC 9111, 1.2.2: what is greater counts as this
const isSeconds = isInteger('seconds', 0, maxInt32);

/** In the order in which they are written. */
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

/** What cannot be said together, and why. */
const contradictions: readonly (readonly [one: Directive, others: readonly Directive[], why: string])[] = [
  ['private', ['public', 'sMaxAge', 'proxyRevalidate'], 'no shared cache keeps a private response'],
  [
    'noStore',
    ['public', 'maxAge', 'sMaxAge', 'staleWhileRevalidate', 'staleIfError', 'immutable'],
    'nothing is kept to be fresh or stale',
  ],
  [
    'noCache',
    ['staleWhileRevalidate', 'staleIfError', 'immutable'],
    'each use of the response asks for it again',
  ],
  [
    'mustRevalidate',
    ['staleWhileRevalidate', 'staleIfError'],
    'a stale response is never used without asking',
  ],
];

/** What means nothing without one of others. */
const needs: readonly (readonly [one: Directive, others: readonly Directive[]])[] = [
  ['immutable', ['maxAge']],
  ['staleWhileRevalidate', ['maxAge', 'sMaxAge']],
  ['staleIfError', ['maxAge', 'sMaxAge']],
];

/**
 * Middleware by which a route says how long its response may be kept: by browsers, CDNs, nginx, Varnish and
 * {@link responseCache}, which all read the same header. A `Cache-Control` that the handler sets later wins. An answer
 * of 400 or more goes out with `no-store`, unless it brings a `Cache-Control` of its own: an error is not kept for as
 * long as what it stands in for.
 *
 * @throws ProductionizeError when a directive is wrong, contradicts another, or means nothing without another.
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
 * The same as text, to set it where the answer is known.
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
  const said = (name: Directive): boolean => given[name] !== undefined && given[name] !== false;
  const list = (several: readonly Directive[]): string => several.map((name) => `\`${name}\``).join(' or ');
  for (const [one, others, why] of contradictions) {
    const other = others.find(said);
    if (said(one) && other) throw contradiction(given, `\`${one}\` without \`${other}\``, why);
  }
  // max-age=0 says the same as no-cache, and many write both
  const fresh = (['maxAge', 'sMaxAge'] as const).find((name) => (given[name] ?? 0) > 0);
  if (said('noCache') && fresh) {
    throw contradiction(
      given,
      `\`noCache\` without \`${fresh}\``,
      'each use of the response asks for it again',
    );
  }
  for (const [one, others] of needs) {
    if (said(one) && !others.some(said)) {
      throw contradiction(given, `\`${one}\` with ${list(others)}`, 'else it is never fresh');
    }
  }
  const text = names
    .filter(said)
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

/** What a route says. Whoever sends an error later, Express's own handler included, leaves the header as it stands. */
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
