import type { IncomingMessage } from 'node:http';
import type { Request } from 'express';
import { attempt } from '../../support/attempt.js';
import { ProductionizeError, quote } from '../../support/errors.js';
import type { PurgeSelection } from './cache-store.js';

/** The query parameters that are part of the key: all, or the named ones. */
export type QueryRule = true | ReadonlySet<string>;

/** The URL of a request, as a cache key. */
export interface Target {
  /** The key starts with path and query, so that a prefix of the path selects it on all hosts. It ends with a space. */
  readonly key: string;
  /** Whether the URL has parameters that are not part of the key. */
  readonly hasMore: boolean;
  /** The forwarded headers that were trusted. */
  readonly trustedHeaders: readonly string[];
}

const nothing: readonly string[] = [];
const forwarded: readonly string[] = ['x-forwarded-proto', 'x-forwarded-host'];

type Trust = (address: string | undefined, hop: number) => boolean;

const longestUrl = 2048;
const longestHost = 255;
/** With more parameters the key depends on their order, because query parsers drop parameters beyond a limit. */
const mostParameters = 100;

// A path and a query with characters of RFC 3986 and those that clients do not encode; no origin or fragment.
const plainUrl = /^\/[\w\-.~!$&'()*+,;=:@%/?[\]|]*$/;
const plainHost = /^(?:[a-z\d._-]+|\[[\da-f:.]+\])(?::\d{1,5})?$/;
// Every query parser reads such a name in the same way, at any position.
const plainName = /^[\w-]+$/;

/**
 * The key of a request: path, query, protocol and host, as the app reads them with its `trust proxy` setting. It is
 * `undefined` when one of them is malformed. The path is not normalized, because the responses to two spellings can
 * differ.
 */
export function targetOf(
  req: IncomingMessage,
  trust: Trust | undefined,
  rule: QueryRule,
): Target | undefined {
  const url = (req as Request).originalUrl ?? req.url ?? '';
  if (url.length > longestUrl || !plainUrl.test(url)) return undefined;
  const origin = originOf(req, trust);
  if (origin === undefined) return undefined;
  const { text: from, trustedHeaders } = origin;
  const keyed = keyedUrl(url, rule);
  return keyed && { key: `${keyed.text} ${from} `, hasMore: keyed.hasMore, trustedHeaders };
}

/** The path and the part of the query that is in the key; `undefined` if the query is malformed. */
function keyedUrl(url: string, rule: QueryRule): ReturnType<typeof keyedQuery> {
  const mark = url.indexOf('?');
  if (mark === -1) return { text: url, hasMore: false };
  const query = keyedQuery(url.slice(mark + 1), rule);
  if (query === undefined) return undefined;
  const path = url.slice(0, mark);
  const { text, hasMore } = query;
  // A handler can distinguish an empty query from a missing one.
  return { text: text === '' && hasMore ? path : `${path}?${text}`, hasMore };
}

/** The key of another URL of the same origin; `undefined` for other origins (RFC 9111 section 4.4). */
export function relatedKey(key: string, location: string, rule: QueryRule): string | undefined {
  const [pathAndQuery = '', origin = ''] = key.split(' ');
  const url = attempt(() => new URL(location, new URL(pathAndQuery, origin)));
  if (url?.origin !== attempt(() => new URL(origin).origin)) return undefined;
  return url && keyOfUrl(url.pathname + url.search, origin, rule);
}

function keyOfUrl(pathAndQuery: string, origin: string, rule: QueryRule): string {
  return `${keyedUrl(pathAndQuery, rule)?.text ?? pathAndQuery} ${origin} `;
}

/**
 * Converts a selection of URLs to a selection of store keys. `key` is a URL, or a path on all hosts. `prefix` is the
 * start of a path, on all hosts.
 *
 * @throws ProductionizeError when the selection is invalid.
 */
export function storeSelection(selection: PurgeSelection, rule: QueryRule): PurgeSelection {
  const { key, prefix, tag } = selection as { key?: unknown; prefix?: unknown; tag?: unknown };
  if (typeof tag === 'string' && tag !== '') return { tag };
  if (typeof prefix === 'string' && prefix !== '') return { prefix: pathOfUrl(prefix) };
  if (typeof key === 'string' && key.startsWith('/')) {
    const [pathAndQuery] = keyOfUrl(key, '', rule).split(' ');
    return { prefix: `${pathAndQuery} ` };
  }
  if (typeof key === 'string' && /^https?:\/\//i.test(key) && URL.canParse(key)) {
    const url = new URL(key);
    return { key: keyOfUrl(pathOfUrl(key), `${url.protocol}//${url.host}`, rule) };
  }
  throw new ProductionizeError(
    'ERR_PRODUCTIONIZE_OPTION',
    `responseCache: expected purge({ key }) with a URL or a path, purge({ prefix }) or purge({ tag }), got ${quote(selection)}.`,
  );
}

function pathOfUrl(url: string): string {
  const path = url.replace(/^https?:\/\/[^/?#]*/i, '').replace(/#.*$/s, '');
  return path.startsWith('/') ? path : `/${path}`;
}

function originOf(
  req: IncomingMessage,
  trust: Trust | undefined,
): { text: string; trustedHeaders: readonly string[] } | undefined {
  const { headers, socket } = req;
  const encrypted = (socket as { encrypted?: boolean } | undefined)?.encrypted === true;
  let protocol = encrypted ? 'https' : 'http';
  const authority = headers[':authority'] as string | undefined;
  let host = headers.host ?? authority ?? '';
  // An HTTP/2 request has two fields for the host, and a handler may read either.
  if (authority !== undefined && authority.toLowerCase() !== host.toLowerCase()) return undefined;
  const sentProtocol = headers['x-forwarded-proto'];
  const sentHost = headers['x-forwarded-host'];
  const sent = sentProtocol !== undefined || sentHost !== undefined;
  const trusted = sent && trust?.(socket?.remoteAddress, 0) === true;
  if (trusted) {
    protocol = firstOf(sentProtocol) ?? protocol;
    host = firstOf(sentHost) ?? host;
  }
  protocol = protocol.toLowerCase();
  host = host.toLowerCase();
  if (protocol !== 'http' && protocol !== 'https') return undefined;
  if (host.length > longestHost || !plainHost.test(host)) return undefined;
  const text = `${protocol}://${withoutDefaultPort(host, protocol)}`;
  return { text, trustedHeaders: trusted ? forwarded : nothing };
}

function withoutDefaultPort(host: string, protocol: string): string {
  const port = protocol === 'https' ? ':443' : ':80';
  return host.endsWith(port) ? host.slice(0, -port.length) : host;
}

/** The first member of a list, as Express reads these headers. */
function firstOf(header: string | string[] | undefined): string | undefined {
  const [first] = String(header ?? '').split(',');
  return first?.trim() || undefined;
}

/** The part of the query that is in the key, sorted if the order has no effect; `undefined` if it is malformed. */
function keyedQuery(query: string, rule: QueryRule): { text: string; hasMore: boolean } | undefined {
  const parameters = query.split('&');
  if (parameters.length === 1 && rule === true) return { text: query, hasMore: false };
  const keyed: string[] = [];
  let hasMore = false;
  let sortable = parameters.length <= mostParameters;
  for (const parameter of parameters) {
    const name = nameOf(parameter);
    if (name === undefined) return undefined;
    // Parsers nest, merge or drop names with brackets, dots or no characters, so the order matters.
    const plain = plainName.test(name);
    if (!plain) sortable = false;
    if (rule !== true && plain && !rule.has(name)) hasMore = true;
    else keyed.push(parameter);
  }
  if (sortable) keyed.sort(byName);
  return { text: keyed.join('&'), hasMore };
}

function byName(a: string, b: string): number {
  const first = nameOf(a) as string;
  const second = nameOf(b) as string;
  if (first === second) return 0;
  return first < second ? -1 : 1;
}

function nameOf(parameter: string): string | undefined {
  const [raw = ''] = parameter.split('=', 1);
  if (!raw.includes('%')) return raw;
  try {
    return decodeURIComponent(raw);
  } catch {
    return undefined;
  }
}
