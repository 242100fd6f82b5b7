import type { Check, Evidence } from '../audit-finding.js';
import type { Exchange, Observations, ResponseObservation } from '../observations.js';

/** Types of responses that become smaller, as the database of media types states it (https://github.com/jshttp/mime-db). */
const compressible =
  /^(?:text\/(?!event-stream)|application\/(?:json|javascript|xml|wasm|manifest\+json)|image\/svg\+xml|[^;]*\+(?:json|xml))/i;
/** Types whose content is compressed. */
const incompressible =
  /^(?:image\/(?:jpeg|png|gif|webp|avif)|video\/|audio\/(?!wav)|font\/woff2?|application\/(?:zip|gzip|x-7z-compressed|x-gzip))/i;
/** Below this size a compressed response is hardly smaller. */
const leastBytes = 1024;

export const compressionChecks: readonly Check[] = [
  {
    id: 'compression-missing',
    practice: 'compression',
    severity: 'medium',
    title: 'Responses are not compressed',
    reason:
      'Text becomes 3 to 10 times smaller. Clients wait for each byte, and many networks are paid by volume.',
    fix: 'productionize(app), or gzip in the reverse proxy',
    mendedByLine: true,
    find: (seen) => uncompressed(seen).missing,
  },
  {
    id: 'compression-useless',
    practice: 'compression',
    severity: 'low',
    title: 'Content that is compressed already is compressed again',
    reason: 'It takes processor time for each response, and an image or an archive becomes no smaller.',
    fix: 'compress types that become smaller only, as the `compressible` package lists them',
    mendedByLine: false,
    find: (seen) =>
      forRoutes(seen, ({ headers }) =>
        headers['content-encoding'] !== undefined &&
        incompressible.test(String(headers['content-type'] ?? ''))
          ? `${headers['content-type']} with Content-Encoding: ${headers['content-encoding']}`
          : undefined,
      ),
  },
  {
    id: 'compression-without-vary',
    practice: 'compression',
    severity: 'medium',
    title: 'A cache may send compressed bytes to a client that cannot decode them',
    reason: 'Without Vary a shared cache stores one encoding, and sends it to every client.',
    fix: "res.vary('Accept-Encoding'), which compression() does",
    mendedByLine: false,
    find: (seen) =>
      forRoutes(seen, ({ headers }) => {
        const control = String(headers['cache-control'] ?? '');
        const isStored = /public|(?:max-age|s-maxage)\s*=\s*"?[1-9]/i.test(control);
        return headers['content-encoding'] !== undefined &&
          isStored &&
          !/no-store|private/i.test(control) &&
          !/accept-encoding|\*/i.test(String(headers.vary ?? ''))
          ? `Content-Encoding: ${headers['content-encoding']}, Cache-Control: ${control}, no Vary`
          : undefined;
      }),
  },
  {
    id: 'compression-twice',
    practice: 'compression',
    severity: 'high',
    title: 'A response is compressed twice',
    reason: 'Clients decode one encoding only, so they receive compressed bytes instead of the content.',
    fix: 'remove one of the two middlewares that compress',
    mendedByLine: false,
    find: (seen) =>
      forRoutes(seen, ({ compressedTwice, headers }) =>
        compressedTwice || String(headers['content-encoding'] ?? '').includes(',')
          ? `Content-Encoding: ${headers['content-encoding']}, and the decoded body is compressed, too`
          : undefined,
      ),
  },
];

/** Evidence for each route whose response `describe` has words for. */
export function forRoutes(
  { exchanges }: Observations,
  describe: (response: ResponseObservation, exchange: Exchange) => string | undefined,
): Evidence[] {
  return exchanges.flatMap((exchange) => {
    if (!['route', 'static'].includes(exchange.kind) || exchange.response === null) return [];
    const text = describe(exchange.response, exchange);
    return text === undefined ? [] : [{ text, route: `${exchange.method} ${exchange.path}` }];
  });
}

/** Responses without compression, and those of them whose routes stand in front of the middleware that compresses. */
export function uncompressed(seen: Observations): Record<'missing' | 'late', Evidence[]> {
  const { layers = [], productionized = false } = seen.app ?? {};
  const middleware = layers.findIndex((layer) => layer.package === 'compression');
  const isInFront = ({ kind, path }: Exchange): boolean =>
    layers
      .slice(0, Math.max(middleware, 0))
      .some((layer) =>
        kind === 'route'
          ? layer.kind === 'handler' && layer.path === path.split('?')[0]
          : layer.package === 'serve-static' && path.startsWith(`${layer.path}/`),
      );
  const late = new Set<string>();
  const all = forRoutes(seen, (response, exchange) => {
    const { headers, bytes, status } = response;
    const isUncompressed =
      status === 200 &&
      bytes >= leastBytes &&
      compressible.test(String(headers['content-type'] ?? '')) &&
      headers['content-encoding'] === undefined &&
      !/no-transform/i.test(String(headers['cache-control'] ?? ''));
    if (!isUncompressed) return undefined;
    if (!productionized && isInFront(exchange)) late.add(`${exchange.method} ${exchange.path}`);
    return `${bytes} bytes of ${headers['content-type']} without Content-Encoding`;
  });
  const isLate = ({ route = '' }: Evidence): boolean => late.has(route);
  return { missing: all.filter((each) => !isLate(each)), late: all.filter(isLate) };
}
