import type { Check, Evidence } from '../audit-finding.js';
import type { Exchange, Observations, ResponseObservation } from '../observations.js';

/** Types of responses that become smaller, as the database of media types states it (https://github.com/jshttp/mime-db). */
const compressible =
  /^(?:text\/(?!event-stream)|application\/(?:json|javascript|xml|wasm|manifest\+json)|image\/svg\+xml|[^;]*\+(?:json|xml))/i;
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
    find: (seen) =>
      forRoutes(seen, ({ headers, bytes, status }) =>
        status === 200 &&
        bytes >= leastBytes &&
        compressible.test(String(headers['content-type'] ?? '')) &&
        headers['content-encoding'] === undefined &&
        !/no-transform/i.test(String(headers['cache-control'] ?? ''))
          ? `${bytes} bytes of ${headers['content-type']} without Content-Encoding`
          : undefined,
      ),
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
    if (exchange.kind !== 'route' || exchange.response === null) return [];
    const text = describe(exchange.response, exchange);
    return text === undefined ? [] : [{ text, route: `${exchange.method} ${exchange.path}` }];
  });
}
